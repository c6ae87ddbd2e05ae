package api

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/acmezone/acmezone/internal/limit"
	"github.com/acmezone/acmezone/internal/zone"
)

// proxyHeaderTime is how long a proxy may take to its header, which it sends with the
// connection. Then the connection counts as one without.
const proxyHeaderTime = 5 * time.Second

// guardedListener keeps connections within bounds and asks proxies who is calling. It
// waits for nobody's header: the connection's own goroutine does.
type guardedListener struct {
	net.Listener
	proxies     func() Proxies // nil: nobody is believed
	connections *limit.Connections
	between     func() // ServeOptions.Between
}

// Accept returns the next connection that there is room for.
func (l guardedListener) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := rawPeer(raw)
		handle, ok := l.connections.Admit(raw, from)
		if !ok {
			raw.Close()
			continue
		}
		conn := &connection{Conn: raw, raw: raw, from: from, all: l.connections, handle: handle, between: l.between}
		if l.believes(from) {
			conn.proxy = proxyproto.NewConn(raw, proxyproto.WithPolicy(proxyproto.USE), proxyproto.SetReadHeaderTimeout(proxyHeaderTime))
			conn.Conn = conn.proxy
		}
		return conn, nil
	}
}

// believes reports whether who connects from there may say whom it speaks for.
func (l guardedListener) believes(from netip.Addr) bool {
	if l.proxies == nil {
		return false
	}
	proxies := l.proxies()
	return proxies.Unix && !from.IsValid() || zone.Contains(proxies.Networks, from)
}

// rawPeer returns who has connected, whoever that speaks for; invalid on a unix socket.
func rawPeer(conn net.Conn) netip.Addr {
	if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return plain(tcp.AddrPort().Addr())
	}
	return netip.Addr{}
}

// NewConnections returns the bounds for Serve: connections in all, and of one client. A
// proxy, one of those of now, has as many as there are; who connects to a unix socket is one, trusted or not.
func NewConnections(total, perClient int, proxies func() Proxies) *limit.Connections {
	return limit.NewConnections(limit.Bounds{Total: total, PerClient: perClient, Exempt: func(addr netip.Addr) bool {
		return !addr.IsValid() || zone.Contains(proxies().Networks, addr)
	}})
}

// connection is one of the API's.
type connection struct {
	net.Conn
	raw    net.Conn         // without the PROXY protocol
	proxy  *proxyproto.Conn // with it; nil if its other end is no proxy
	from   netip.Addr       // as rawPeer has it
	all    *limit.Connections
	handle *limit.Handle

	between func() // ServeOptions.Between

	mu      sync.Mutex
	working int // requests that are being worked on; over one with HTTP/2
}

// Read calls Between before what was read is worked on.
func (c *connection) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.between()
	return n, err
}

// Close gives the place back, too.
func (c *connection) Close() error {
	err := c.Conn.Close()
	c.handle.Release()
	return err
}

// CloseWrite lets net/http end a connection so that the last answer arrives though the
// client has sent more than was read.
func (c *connection) CloseWrite() error {
	if half, ok := c.raw.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// peerAddr is an address, a port and all, or one of unixPeer and unknownPeer.
type peerAddr string

func (peerAddr) Network() string  { return "tcp" }
func (a peerAddr) String() string { return string(a) }

// RemoteAddr waits for a proxy's header, and returns whom it names.
func (c *connection) RemoteAddr() net.Addr {
	var addr net.Addr
	if c.proxy == nil {
		addr = c.raw.RemoteAddr()
	} else if addr = announced(c.proxy.ProxyHeader()); addr == nil {
		addr = c.raw.RemoteAddr()
	}
	if _, unix := addr.(*net.UnixAddr); unix {
		return peerAddr(unixPeer)
	}
	return addr
}

// announced returns whom a PROXY header names, nil where the proxy speaks for itself or
// sent none. Version 1 has but one word for "I speak for myself" and "for somebody I
// can't name", which is taken for the latter.
func announced(header *proxyproto.Header) net.Addr {
	switch {
	case header == nil, header.Command.IsLocal() && header.Version == 2:
		return nil
	case header.Command.IsLocal():
		return peerAddr(unknownPeer)
	}
	if tcp, ok := header.SourceAddr.(*net.TCPAddr); ok {
		return tcp
	}
	return peerAddr(unknownPeer)
}

// begin says that a request is being worked on: the connection isn't closed for another's
// sake until end. It fails if it has been closed already.
func (c *connection) begin() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.handle.Busy() {
		return net.ErrClosed
	}
	c.working++
	return nil
}

func (c *connection) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.working--; c.working == 0 {
		c.handle.Waiting()
	}
}

// withConnection lets handlers find the connection.
func withConnection(ctx context.Context, conn net.Conn) context.Context {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	return context.WithValue(ctx, connectionKey, conn)
}
