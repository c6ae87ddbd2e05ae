package api

import (
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Over HTTP/1.1 a client that has had its answer may send the next request on the same
// connection at any moment. If the server closes the connection just then the request is
// lost, and a proxy makes an error of it. So once the server is to stop each answer says
// that it is its connection's last, and connections that were in use a moment ago are left
// open for one more. HTTP/2 needs none of that: there a server says which requests it took.

// keptTime is how long that moment is. Who pauses for longer is hardly ever just about to
// send, and holds up no stop.
const keptTime = 250 * time.Millisecond

// keptAlive are the connections of HTTP/1. Any number of goroutines may use it.
type keptAlive struct {
	ending  atomic.Bool
	changed chan struct{} // takes one word of a connection that has changed

	mu    sync.Mutex
	conns map[net.Conn]time.Time // since when they idle; zero for those that don't
}

func newKeptAlive() *keptAlive {
	return &keptAlive{changed: make(chan struct{}, 1), conns: make(map[net.Conn]time.Time)}
}

// watch has the server tell of its connections; after newcomers.watch, whose connKey it uses.
func (k *keptAlive) watch(server *http.Server) {
	before := server.ConnState
	server.ConnState = func(conn net.Conn, state http.ConnState) {
		before(conn, state)
		k.note(conn, state)
	}
	next := server.Handler
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if conn, ok := r.Context().Value(connKey).(net.Conn); ok && r.ProtoMajor == 1 {
			k.add(conn)
			if k.ending.Load() {
				w.Header().Set("Connection", "close")
			}
		}
		next.ServeHTTP(w, r)
	})
}

// add is for a connection whose request is being worked on.
func (k *keptAlive) add(conn net.Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.conns[conn] = time.Time{}
}

func (k *keptAlive) note(conn net.Conn, state http.ConnState) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.conns[conn]; !ok {
		return // of HTTP/2, or without a request so far
	}
	switch state {
	case http.StateIdle:
		k.conns[conn] = time.Now()
	case http.StateActive:
		k.conns[conn] = time.Time{}
	case http.StateClosed, http.StateHijacked:
		delete(k.conns, conn)
	}
	select {
	case k.changed <- struct{}{}:
	default:
	}
}

// end has each answer from now on be the last of its connection.
func (k *keptAlive) end() { k.ending.Store(true) }

// letEnd returns when no connection has been idle for less than keptTime. None can put
// that off twice: the answer after end closes it.
func (k *keptAlive) letEnd() {
	for left := k.left(); left > 0; left = k.left() {
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-k.changed:
			timer.Stop()
		}
	}
}

// left is how long the last of them has to go until it has been idle for keptTime.
func (k *keptAlive) left() (left time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, since := range k.conns {
		if !since.IsZero() {
			left = max(left, keptTime-time.Since(since))
		}
	}
	return left
}
