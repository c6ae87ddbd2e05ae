package dnsserve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/acmezone/acmezone/internal/limit"
	"github.com/acmezone/acmezone/internal/zone"
)

// Options are what a Server is made of.
type Options struct {
	// Listen names the addresses to answer on, "192.0.2.1:53" or "[::]:53", UDP
	// and TCP on each. "[::]" takes IPv4 too. With port 0 the system picks one
	// port for both.
	Listen []string
	// Inherited are sockets on those addresses that are bound already, as systemd
	// hands them over. What is missing is bound as ever. The server closes them in
	// the end, and when Listen fails.
	Inherited []Inherited
	// Definition is the zone that is answered for.
	Definition *zone.Definition
	// Connections bounds the TCP connections, and ConnectionsPerAddress those of one
	// IPv4 address or one IPv6 /64. Beyond that a new connection takes the place of
	// the one that has been idle for longest. 0 stands for 1024, and for 512: what is
	// asked over TCP is a retry after truncation, done within a round trip or two.
	Connections, ConnectionsPerAddress int
	// RateLimit bounds the UDP answers to one network.
	RateLimit RateLimit
	// Log takes what an operator should know; nil drops it.
	Log *slog.Logger
}

// ErrNotServing is what Publish fails with while nobody is answering.
var ErrNotServing = errors.New("the embedded DNS server is not serving")

// Server answers for one zone on UDP and TCP. Its methods may be called from any
// goroutine, Serve once only.
type Server struct {
	*responder
	redefined   atomic.Pointer[redefinition] // waits for its serial; nil for none
	sockets     []socket
	connections *limit.Connections
	timeouts    tcpTimeouts
	log         *slog.Logger
	guard       guard
	asides      atomic.Pointer[asides] // while questions are answered

	serving   chan struct{} // closed by Serve when it begins
	published chan struct{} // closed by the first Publish
	stopped   chan struct{} // closed by Serve when it ends
}

// socket is one listen address, bound for both transports.
type socket struct {
	udp *net.UDPConn
	tcp *net.TCPListener

	udpCounts, tcpCounts *counters
}

// Listen binds every address. It starts no goroutine: packets wait in the
// system's queues until Serve. On failure everything opened is closed again, and
// the error is a *net.OpError in its chain, with the network, the address and the
// system's error (EADDRINUSE, EACCES).
func Listen(opts Options) (_ *Server, err error) {
	inherited := slices.Clone(opts.Inherited)
	defer func() {
		if err != nil {
			closeAll(inherited)
		}
	}()
	static, err := prepare(opts.Definition)
	if err != nil {
		return nil, fmt.Errorf("dns: %w", err)
	}
	if len(opts.Listen) == 0 {
		return nil, errors.New("dns: no address to listen on")
	}
	s := &Server{
		responder: &responder{cookies: newCookies()},
		timeouts:  defaultTimeouts(),
		log:       opts.Log,
		serving:   make(chan struct{}),
		published: make(chan struct{}),
		stopped:   make(chan struct{}),
	}
	s.SetRateLimit(opts.RateLimit)
	s.connections = limit.NewConnections(limit.Bounds{Total: cmp.Or(opts.Connections, 1024), PerClient: cmp.Or(opts.ConnectionsPerAddress, 512)})
	s.version.Store(&version{static: static})
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err := s.bindAll(opts.Listen, &inherited); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// bindAll binds every address, but for what was inherited, of which nothing may be left.
func (s *Server) bindAll(listen []string, inherited *[]Inherited) error {
	for _, addr := range listen {
		bound, err := bind(addr, inherited)
		if err != nil {
			return errors.Join(refuse(*inherited), fmt.Errorf("dns: %w", err)) // the first may be why
		}
		bound.udpCounts, bound.tcpCounts = new(counters), new(counters)
		s.sockets = append(s.sockets, bound)
	}
	return refuse(*inherited)
}

// Name returns what logs, metrics and health call this publisher.
func (s *Server) Name() string { return "dns" }

// Addrs returns the addresses that were bound, in the order of Options.Listen.
func (s *Server) Addrs() []netip.AddrPort {
	addrs := make([]netip.AddrPort, len(s.sockets))
	for i, so := range s.sockets {
		addrs[i] = so.udp.LocalAddr().(*net.UDPAddr).AddrPort()
	}
	return addrs
}

// Serve answers until ctx is done and returns when every goroutine and socket of
// the server has come to its end. It may be called once.
//
// Until the first Publish, questions wait in the system's queues: those that came while
// there was no process, in sockets that a service manager holds, get an answer too.
func (s *Server) Serve(ctx context.Context) error {
	defer close(s.stopped)
	defer s.Close()
	readers := make([]*udpReader, len(s.sockets))
	for i, so := range s.sockets {
		reader, err := newUDPReader(so.udp)
		if err != nil {
			return fmt.Errorf("dns: %w", err)
		}
		readers[i] = reader
	}
	beside, err := s.newAsides(readers)
	if err != nil {
		return fmt.Errorf("dns: %w", err)
	}
	close(s.serving)
	select {
	case <-s.published:
	case <-ctx.Done():
		return nil
	}
	s.asides.Store(beside)
	defer s.asides.Store(nil)
	var loops sync.WaitGroup
	for i, so := range s.sockets {
		loops.Go(func() { s.serveUDP(ctx, readers[i], so.udpCounts) })
		loops.Go(func() { s.accept(ctx, so.tcp, so.tcpCounts) })
	}
	<-ctx.Done()
	for _, so := range s.sockets {
		// Who has a question in hand sends the answer before the socket is closed.
		_ = so.udp.SetReadDeadline(time.Now())
		so.tcp.Close()
	}
	loops.Wait()
	s.hearOut()
	return nil
}

// lastWords is how long TCP connections that are there at the end have for a question that
// is on its way: their clients have been let in.
const lastWords = 200 * time.Millisecond

// hearOut ends the connections when they have had that time.
func (s *Server) hearOut() {
	ended := make(chan struct{})
	go func() {
		s.connections.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(lastWords):
	}
	s.connections.Close()
	<-ended
}

// Close gives the sockets of a server up. Serve does so at its end; Close is for
// a server that is never served.
func (s *Server) Close() {
	for _, so := range s.sockets {
		so.close()
	}
	s.connections.Close()
}

// Publish makes snap what every socket answers from: any packet read after it has
// returned nil is answered at that serial or a later one. It waits for Serve to
// begin, as long as ctx allows, and fails with ErrNotServing before that and
// after Serve has ended. The same snapshot again, or an older one, changes
// nothing. One goroutine may publish at a time.
func (s *Server) Publish(ctx context.Context, snap *zone.Snapshot) error {
	select {
	case <-s.serving:
	case <-s.stopped:
	case <-ctx.Done():
		return fmt.Errorf("%w yet: %w", ErrNotServing, ctx.Err())
	}
	s.advance(snap)
	select {
	case <-s.stopped:
		return fmt.Errorf("%w any more", ErrNotServing)
	default:
		return nil
	}
}
