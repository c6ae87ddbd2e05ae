package api

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// Over HTTP/1.1 a client that has had its answer may send the next request on the same
// connection at any moment. If the server closes the connection just then the request is
// lost, and a proxy makes an error of it. So once the server is to stop each answer says
// that it is its connection's last, and connections that were in use a moment ago are left
// open for one more. HTTP/2 needs none of that: there a server says which requests it took.

const (
	// keptTime is how long that moment is. Who pauses for longer is hardly ever just about
	// to send, and holds up no stop.
	keptTime = 250 * time.Millisecond
	// lastTime is how long an answer may take that doesn't say yet that it is the last,
	// since its request was being worked on when the server was to stop. Then the server
	// stops all the same; that answer comes, and the client may lose its next request.
	lastTime = 2 * time.Second
)

// keptAlive are the connections of HTTP/1. Any number of goroutines may use it.
type keptAlive struct {
	changed chan struct{} // takes one word of a connection that has changed

	mu     sync.Mutex
	ending bool
	conns  map[net.Conn]keptConn
}

// keptConn is a connection with nothing said about its end so far.
type keptConn struct {
	idle time.Time // since when; zero while a request is worked on
	last bool      // the answer to that says that it is the last
}

func newKeptAlive() *keptAlive {
	return &keptAlive{changed: make(chan struct{}, 1), conns: make(map[net.Conn]keptConn)}
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
		if conn, ok := r.Context().Value(connKey).(net.Conn); ok && r.ProtoMajor == 1 && k.add(conn) {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// add is for a connection whose request is being worked on. It reports whether the answer
// is to be the last.
func (k *keptAlive) add(conn net.Conn) (last bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.conns[conn] = keptConn{last: k.ending}
	k.tell()
	return k.ending
}

func (k *keptAlive) note(conn net.Conn, state http.ConnState) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.conns[conn]; !ok {
		return // of HTTP/2, or without a request so far
	}
	switch state {
	case http.StateIdle:
		k.conns[conn] = keptConn{idle: time.Now()}
	case http.StateActive:
		k.conns[conn] = keptConn{}
	case http.StateClosed, http.StateHijacked:
		delete(k.conns, conn)
	}
	k.tell()
}

// tell is called with the lock held.
func (k *keptAlive) tell() {
	select {
	case k.changed <- struct{}{}:
	default:
	}
}

// end has each answer to what comes from now on be the last of its connection.
func (k *keptAlive) end() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ending = true
}

// letEnd returns, after end, when each connection is at its last answer or has been idle
// for keptTime. None can put that off twice: the next answer closes it.
func (k *keptAlive) letEnd() {
	latest := time.Now().Add(lastTime)
	for left := k.left(latest); left > 0; left = k.left(latest) {
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-k.changed:
			timer.Stop()
		}
	}
}

// left is how long the last of them has to go at the most.
func (k *keptAlive) left(latest time.Time) (left time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, conn := range k.conns {
		switch {
		case !conn.idle.IsZero():
			left = max(left, keptTime-time.Since(conn.idle))
		case !conn.last:
			left = max(left, time.Until(latest))
		}
	}
	return left
}
