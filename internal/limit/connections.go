package limit

import (
	"container/list"
	"io"
	"net/netip"
	"sync"
)

// Bounds say how many connections there may be.
type Bounds struct {
	// Total bounds the connections in all; 0 is no bound.
	Total int
	// PerClient bounds those of one Client; 0 is no bound.
	PerClient int
	// Exempt says which addresses PerClient isn't for, a proxy's for instance; nil
	// is none. Each connection from there counts as a client of its own.
	Exempt func(netip.Addr) bool
}

// Connections keeps open connections within their bounds. When one is met a
// newcomer is let in all the same, and the connection that has been waited for
// longest is closed instead: of the same client if it has too many, else of the
// client that is waited for on the most. So those that open connections and leave
// them hanging take places from each other, and nobody keeps a client with a
// question out. A connection that is being worked on is left alone.
//
// Each call takes one short lock and a bounded time, whatever is open. Any number
// of goroutines may call.
type Connections struct {
	held sync.WaitGroup // by handles that aren't released yet

	mu      sync.Mutex // guards what follows
	bounds  Bounds
	open    map[*Handle]struct{}
	clients map[netip.Prefix]*client
	ranking ranking
	stats   ConnectionStats
	closed  bool
}

// ConnectionStats count since the start, but for Open.
type ConnectionStats struct {
	// Open is how many connections are open now.
	Open int
	// Evicted connections were closed to make room for others.
	Evicted uint64
	// Refused connections were closed at once, since every other one that they
	// could have taken the place of was being worked on.
	Refused uint64
}

// NewConnections returns a Connections with none open.
func NewConnections(bounds Bounds) *Connections {
	return &Connections{bounds: bounds, open: make(map[*Handle]struct{}), clients: make(map[netip.Prefix]*client)}
}

// Handle is a connection's place. Its methods may be called from any goroutine.
type Handle struct {
	all     *Connections
	conn    io.Closer
	client  *client
	waiting *list.Element // in client.waiting; nil while it is worked on, and after its end
	release sync.Once
}

// Admit gives a connection from that address a place, closing another's if it must.
// It is waited for from now on. False: there is no room, or Close was called; then
// the connection is the caller's to close, and there is nothing to release.
//
// Close of a connection may be called from any goroutine, and more than once. It
// may call Release.
func (c *Connections) Admit(conn io.Closer, addr netip.Addr) (h *Handle, ok bool) {
	h, evicted := c.admit(conn, addr)
	closeEach(evicted)
	return h, h != nil
}

// closeEach isn't called under the lock: it may take its time.
func closeEach(evicted []*Handle) {
	for _, h := range evicted {
		_ = h.conn.Close() // whoever reads from it learns of its end
	}
}

func (c *Connections) admit(conn io.Closer, addr netip.Addr) (h *Handle, evicted []*Handle) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, nil
	}
	h = &Handle{all: c, conn: conn, client: c.client(addr)}
	c.add(h)
	for over := c.over(h); over != nil; over = c.over(h) {
		victim := over.longest()
		c.drop(victim)
		if victim == h {
			c.stats.Refused++
			return nil, evicted
		}
		c.stats.Evicted++
		evicted = append(evicted, victim)
	}
	c.held.Add(1)
	return h, evicted
}

// over returns the client that must give a place up after h was added; nil if the
// bounds are kept. It has a connection that is waited for: h at least.
func (c *Connections) over(h *Handle) *client {
	switch {
	case c.hasTooMany(h.client):
		return h.client
	case c.tooMany():
		return c.ranking.first()
	}
	return nil
}

func (c *Connections) hasTooMany(of *client) bool {
	return c.bounds.PerClient > 0 && !of.exempt && of.open > c.bounds.PerClient
}

func (c *Connections) tooMany() bool {
	return c.bounds.Total > 0 && len(c.open) > c.bounds.Total
}

// client returns the client that an address belongs to.
func (c *Connections) client(addr netip.Addr) *client {
	if c.bounds.Exempt != nil && c.bounds.Exempt(addr.Unmap()) {
		return &client{exempt: true}
	}
	from := Client(addr)
	if c.clients[from] == nil {
		c.clients[from] = &client{from: from}
	}
	return c.clients[from]
}

func (c *Connections) add(h *Handle) {
	c.open[h] = struct{}{}
	h.client.open++
	c.wait(h)
}

// drop forgets a connection; one that was forgotten before is passed over.
func (c *Connections) drop(h *Handle) {
	if _, open := c.open[h]; !open {
		return
	}
	c.work(h)
	delete(c.open, h)
	if h.client.open--; h.client.open == 0 && !h.client.exempt {
		delete(c.clients, h.client.from)
	}
}

// wait puts a connection at the end of those of its client that are waited for.
func (c *Connections) wait(h *Handle) {
	if h.waiting == nil {
		h.waiting = h.client.waiting.PushBack(h)
		c.ranking.move(h.client)
	}
}

// work takes a connection out of those that are waited for.
func (c *Connections) work(h *Handle) {
	if h.waiting != nil {
		h.client.waiting.Remove(h.waiting)
		h.waiting = nil
		c.ranking.move(h.client)
	}
}

// Busy says that the connection is being worked on: it isn't closed to make room
// until Waiting is called. False: it has been closed already, so that nothing is
// to be done for it any more.
func (h *Handle) Busy() bool { return h.mark(h.all.work) }

// Waiting says that the client is waited for, from now on: for its next question,
// or to take an answer. False: the connection has been closed.
func (h *Handle) Waiting() bool { return h.mark(h.all.wait) }

func (h *Handle) mark(as func(*Handle)) bool {
	h.all.mu.Lock()
	defer h.all.mu.Unlock()
	_, open := h.all.open[h]
	if open {
		as(h)
	}
	return open
}

// Release gives the place back; the connection is the caller's to close. Every
// handle must be released, an evicted one too, when nothing is done for it any
// more. Later calls do nothing.
func (h *Handle) Release() {
	h.release.Do(func() {
		h.all.mu.Lock()
		h.all.drop(h)
		h.all.mu.Unlock()
		h.all.held.Done()
	})
}

// Open returns how many connections are open.
func (c *Connections) Open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}

// Stats returns the counts at this moment.
func (c *Connections) Stats() ConnectionStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	stats := c.stats
	stats.Open = len(c.open)
	return stats
}

// Close closes every connection and lets no further one in.
func (c *Connections) Close() {
	closeEach(c.end())
}

func (c *Connections) end() (open []*Handle) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for h := range c.open {
		open = append(open, h)
	}
	return open
}

// Wait returns when every handle is released. It is called when no more connections come.
func (c *Connections) Wait() { c.held.Wait() }
