package systemd

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"
)

// Names that socket units give their sockets with FileDescriptorName=. Sockets of any
// other name are known by their address.
const (
	nameDNS = "dns"
	nameAPI = "api"
)

// Sockets are what the manager holds for the service. Who takes them closes them; the
// manager keeps its own ones open, and what arrives meanwhile waits in them. The nil one
// is none.
type Sockets struct {
	packets []*net.UDPConn
	streams []stream
}

type stream struct {
	name     string
	listener net.Listener
}

// Inherit takes the sockets over that $LISTEN_FDS counts, if $LISTEN_PID is this process.
// The commands that this process runs don't get them.
func Inherit() (*Sockets, error) {
	s := &Sockets{}
	for _, file := range activation.Files(true) {
		if err := errors.Join(s.add(file), file.Close()); err != nil {
			s.Close()
			return nil, fmt.Errorf("the socket %q from the service manager: %w", file.Name(), err)
		}
	}
	return s, nil
}

func (s *Sockets) add(file *os.File) error {
	if listens, err := unix.GetsockoptInt(int(file.Fd()), unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err == nil && listens != 0 {
		listener, err := net.FileListener(file)
		if err == nil {
			s.streams = append(s.streams, stream{file.Name(), listener})
		}
		return err
	}
	conn, err := net.FilePacketConn(file)
	if err != nil {
		return fmt.Errorf("it is neither a listening stream socket nor a UDP socket (%w): look at ListenStream= and ListenDatagram= in the socket unit", err)
	}
	udp, ok := conn.(*net.UDPConn)
	if !ok {
		return errors.Join(fmt.Errorf("it is a datagram socket of %s, where only UDP is of use", conn.LocalAddr().Network()), conn.Close())
	}
	s.packets = append(s.packets, udp)
	return nil
}

// DNS takes the sockets of the DNS server, which listens on those addresses: all that are
// UDP, and the TCP listeners of that name or address.
func (s *Sockets) DNS(listen []string) (udp []*net.UDPConn, tcp []*net.TCPListener) {
	if s == nil {
		return nil, nil
	}
	udp, s.packets = s.packets, nil
	s.streams = slices.DeleteFunc(s.streams, func(c stream) bool {
		l, ok := c.listener.(*net.TCPListener)
		mine := ok && c.name != nameAPI && (c.name == nameDNS || listensOn(l, listen))
		if mine {
			tcp = append(tcp, l)
		}
		return mine
	})
	return udp, tcp
}

// API takes the listener on that address of the API's, nil if there is none.
func (s *Sockets) API(listen string) net.Listener {
	if s == nil {
		return nil
	}
	for i, c := range s.streams {
		if c.name != nameDNS && listensOn(c.listener, []string{listen}) {
			s.streams = slices.Delete(s.streams, i, i+1)
			return c.listener
		}
	}
	return nil
}

// Only takes the unix listener of a process that serves nothing else, nil if the manager
// holds no socket for it.
func (s *Sockets) Only() (net.Listener, error) {
	if s == nil || len(s.streams)+len(s.packets) == 0 {
		return nil, nil
	}
	if n := len(s.streams) + len(s.packets); n > 1 {
		return nil, fmt.Errorf("the service manager hands over %d sockets, and one is wanted: leave one ListenStream= in the socket unit", n)
	}
	for _, c := range s.streams {
		if l, ok := c.listener.(*net.UnixListener); ok {
			s.streams = nil
			return l, nil
		}
	}
	return nil, errors.New("the service manager hands over what is no unix socket: ListenStream= in the socket unit is to be a path")
}

// Rest returns an error if a socket has not been taken: it would look as if somebody
// listened there.
func (s *Sockets) Rest() error {
	switch {
	case s == nil:
		return nil
	case len(s.streams) > 0 && s.streams[0].name == nameDNS:
		return unwanted("a TCP socket", s.streams[0].listener.Addr(), "dns.listen")
	case len(s.streams) > 0:
		return unwanted("a socket", s.streams[0].listener.Addr(), "api.listen")
	case len(s.packets) > 0:
		return unwanted("a UDP socket", s.packets[0].LocalAddr(), "dns.listen")
	}
	return nil
}

func unwanted(what string, at net.Addr, key string) error {
	return fmt.Errorf("the service manager hands over %s on %s, which the configuration doesn't name: add it to %s, or take it out of the socket unit", what, at, key)
}

// Close closes what nobody has taken.
func (s *Sockets) Close() {
	if s == nil {
		return
	}
	for _, c := range s.streams {
		c.listener.Close()
	}
	for _, c := range s.packets {
		c.Close()
	}
	s.streams, s.packets = nil, nil
}

// listensOn reports whether a listener is at one of the addresses, each host:port or the
// path of a unix socket, with "unix:" before it or not.
func listensOn(l net.Listener, listen []string) bool {
	return slices.ContainsFunc(listen, func(wanted string) bool {
		switch at := l.Addr().(type) {
		case *net.UnixAddr:
			return strings.TrimPrefix(wanted, "unix:") == at.Name
		case *net.TCPAddr:
			return addrPort(wanted) == unmapped(at.AddrPort())
		}
		return false
	})
}

// addrPort reads "192.0.2.1:443" and ":443", which is "[::]:443"; zero for anything else.
func addrPort(s string) netip.AddrPort {
	if strings.HasPrefix(s, ":") {
		s = "[::]" + s
	}
	at, err := netip.ParseAddrPort(s)
	if err != nil {
		return netip.AddrPort{}
	}
	return unmapped(at)
}

func unmapped(at netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}
