package dnsserve

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// tcpLimits keep TCP clients from taking more than their share.
type tcpLimits struct {
	// idle is how long a connection may take to its next complete question
	// (RFC 7766, 6.2.3: a few seconds).
	idle time.Duration
	// busy is the same while over half of the connections are taken.
	busy time.Duration
	// write is how long a client may take to make room for an answer.
	write time.Duration
	// total bounds the connections of one server. What is asked over TCP is a
	// retry after truncation, done within a round trip or two.
	total int
	// perClient bounds those of one IPv4 address or one IPv6 /64.
	perClient int
}

func defaultLimits() tcpLimits {
	return tcpLimits{idle: 10 * time.Second, busy: 2 * time.Second, write: 5 * time.Second, total: 1024, perClient: 64}
}

// connections keeps the TCP connections within their bounds and ends them.
type connections struct {
	limits   tcpLimits
	handlers sync.WaitGroup

	mu        sync.Mutex // guards what follows
	open      map[net.Conn]struct{}
	perClient map[netip.Prefix]int
	closed    bool
}

func newConnections(limits tcpLimits) *connections {
	return &connections{limits: limits, open: make(map[net.Conn]struct{}), perClient: make(map[netip.Prefix]int)}
}

// start runs handle for a connection, in a goroutine, and closes the connection
// afterwards. One that is too many is closed at once.
func (c *connections) start(conn net.Conn, handle func(net.Conn)) {
	from := client(conn)
	if !c.admit(conn, from) {
		conn.Close()
		return
	}
	c.handlers.Go(func() {
		defer c.release(conn, from)
		handle(conn)
	})
}

func (c *connections) admit(conn net.Conn, from netip.Prefix) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.open) >= c.limits.total || c.perClient[from] >= c.limits.perClient {
		return false
	}
	c.open[conn] = struct{}{}
	c.perClient[from]++
	return true
}

func (c *connections) release(conn net.Conn, from netip.Prefix) {
	conn.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, conn)
	if c.perClient[from]--; c.perClient[from] == 0 {
		delete(c.perClient, from)
	}
}

// idle is how long a connection may idle now: less while most are taken.
func (c *connections) idle() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.open) > c.limits.total/2 {
		return c.limits.busy
	}
	return c.limits.idle
}

// close ends every connection and lets no further one in.
func (c *connections) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for conn := range c.open {
		conn.Close()
	}
}

// wait returns when no handler runs any more.
func (c *connections) wait() { c.handlers.Wait() }

// client is what counts as one client: whoever has an IPv6 address has its /64.
func client(conn net.Conn) netip.Prefix {
	addr := conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap().WithZone("")
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	prefix, _ := addr.Prefix(bits) // those lengths fit
	return prefix
}
