package api

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// A server that is shut down cuts off connections whose first request it has not read yet,
// and a client that had connected just then would learn of a restart. So it stops taking
// connections first, and gives those that it has taken the time to send their requests.

// newcomerTime is how long they have for that; who connects and is silent holds up no stop
// for longer.
const newcomerTime = 2 * time.Second

// turnstile is a listener that stops taking connections before it is closed.
type turnstile struct {
	net.Listener
	shutting chan struct{} // closed by shut
	parked   chan struct{} // closed when everything it has taken is known to the server
	released chan struct{} // closed by Close
	ended    chan struct{} // closed when the server has ended
	park     sync.Once
	release  sync.Once
}

func newTurnstile(l net.Listener) *turnstile {
	return &turnstile{Listener: l, shutting: make(chan struct{}), parked: make(chan struct{}), released: make(chan struct{}), ended: make(chan struct{})}
}

// Accept waits for Close when the turnstile is shut: to return then would end the server.
func (t *turnstile) Accept() (net.Conn, error) {
	conn, err := t.Listener.Accept()
	select {
	case <-t.shutting:
	default:
		return conn, err
	}
	if err == nil {
		return conn, nil // it came just before
	}
	t.park.Do(func() { close(t.parked) })
	<-t.released
	return nil, net.ErrClosed
}

// shut stops taking connections, and returns when the server knows of all that were taken.
// It is called once.
func (t *turnstile) shut() {
	close(t.shutting)
	_ = t.Listener.Close() // an error leaves nothing to be done
	select {
	case <-t.parked:
	case <-t.ended: // by itself
	}
}

// Close is for the server.
func (t *turnstile) Close() error {
	t.release.Do(func() { close(t.released) })
	if err := t.Listener.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil // shut has closed it
}

// newcomers are the connections whose first request has not come to its handler yet. Any
// number of goroutines may use it.
type newcomers struct {
	mu    sync.Mutex
	conns map[net.Conn]struct{}
	none  chan struct{} // closed, and set to nil, when there are none; nil while nobody waits
}

// watch has the server tell of its connections. An active one is new until its handler
// runs, since the server looks whether it is to stop just before; so is one that idles,
// which is how those of HTTP/2 begin.
func (n *newcomers) watch(server *http.Server) {
	server.ConnState = func(conn net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			n.add(conn)
		case http.StateClosed, http.StateHijacked:
			n.remove(conn)
		}
	}
	with := server.ConnContext
	server.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		return context.WithValue(with(ctx, conn), connKey, conn)
	}
	next := server.Handler
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if conn, ok := r.Context().Value(connKey).(net.Conn); ok {
			n.remove(conn)
		}
		next.ServeHTTP(w, r)
	})
}

func (n *newcomers) add(conn net.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.conns[conn] = struct{}{}
}

func (n *newcomers) remove(conn net.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.conns, conn)
	if len(n.conns) == 0 && n.none != nil {
		close(n.none)
		n.none = nil
	}
}

// hearOut returns when there are none; it cuts off those that are left after newcomerTime.
func (n *newcomers) hearOut() {
	timer := time.NewTimer(newcomerTime)
	defer timer.Stop()
	select {
	case <-n.gone():
	case <-timer.C:
		n.cutOff()
	}
}

// gone is closed when there are none. One goroutine may ask, once.
func (n *newcomers) gone() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	gone := make(chan struct{})
	if len(n.conns) == 0 {
		close(gone)
	} else {
		n.none = gone
	}
	return gone
}

func (n *newcomers) cutOff() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for conn := range n.conns {
		_ = conn.Close() // whoever reads from it learns of its end
	}
}
