package api

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/acmezone/acmezone/internal/limit"
)

// Limits on connections, the same with and without TLS.
const (
	senderTime = 15 * time.Second // for a whole request, headers and body
	idleTime   = 60 * time.Second
	writeSlack = 10 * time.Second // for the answer, on top of what the request may wait
	maxHeaders = 16 << 10
	maxStreams = 128 // requests at once in one HTTP/2 connection
)

// ServeOptions say how handlers are served.
type ServeOptions struct {
	TLS         *tls.Config        // nil: plain HTTP
	Timeout     time.Duration      // how long a request may wait for its answer
	Proxies     func() Proxies     // who may speak the PROXY protocol now; nil: nobody
	Connections *limit.Connections // nil: no bounds
	Log         *slog.Logger

	// Between is called by the goroutines of connections again and again: whenever something
	// was read, and before and after each request. It is for work that may not wait until
	// they are done, and must soon be done itself; nil: there is none.
	Between func()

	// TimeoutNow is asked at each request, and at the stop, where Timeout may change; nil:
	// it doesn't.
	TimeoutNow func() time.Duration
}

func (o ServeOptions) timeoutNow() time.Duration {
	if o.TimeoutNow == nil {
		return o.Timeout
	}
	return max(o.Timeout, o.TimeoutNow()) // requests may have begun with either
}

// Serve answers HTTP/1.1 and HTTP/2 on the listeners until ctx is done, then
// takes no new requests, finishes those it has and returns nil. It closes the
// listeners, also when it fails.
func Serve(ctx context.Context, listeners []net.Listener, h http.Handler, opts ServeOptions) error {
	if opts.Connections == nil {
		opts.Connections = limit.NewConnections(limit.Bounds{})
	}
	if opts.Between == nil {
		opts.Between = func() {}
	}
	server := newServer(h, opts)
	life, end := context.WithCancel(context.Background())
	defer end()
	server.BaseContext = func(net.Listener) context.Context {
		return context.WithValue(context.Background(), serverLifeKey, life)
	}
	fresh := &newcomers{conns: make(map[net.Conn]struct{})}
	fresh.watch(server)
	kept := newKeptAlive()
	kept.watch(server)
	ended := make(chan error, len(listeners))
	var serving sync.WaitGroup
	var doors []*turnstile
	for _, l := range listeners {
		door := newTurnstile(guardedListener{l, opts.Proxies, opts.Connections, opts.Between})
		doors = append(doors, door)
		serving.Go(func() {
			defer close(door.ended)
			ended <- serveOne(server, door, opts.TLS != nil)
		})
	}
	var failed error
	select {
	case <-ctx.Done():
	case failed = <-ended:
	}
	kept.end()
	for _, door := range doors {
		door.shut()
	}
	fresh.hearOut()
	kept.letEnd()
	err := finish(server, opts.timeoutNow(), end)
	serving.Wait()
	return errors.Join(failed, err)
}

// finish stops a server that gets no connections any more, when those that it has are done
// with their requests. Every handler ends by its own deadline, or with the server's life,
// which end ends after the timeout.
func finish(server *http.Server, timeout time.Duration, end func()) error {
	defer time.AfterFunc(timeout, end).Stop()
	grace, cancel := context.WithTimeout(context.Background(), writeWithin(timeout))
	defer cancel()
	err := server.Shutdown(grace)
	if err != nil {
		// Somebody reads more slowly than is allowed; nothing may outlive this.
		err = errors.Join(err, server.Close())
	}
	return err
}

// serverLife returns a context that ends when no request may wait any longer, since the
// server is to stop: for what waits longer than an update may.
func serverLife(request context.Context) context.Context {
	if life, ok := request.Value(serverLifeKey).(context.Context); ok {
		return life
	}
	return context.Background()
}

func serveOne(server *http.Server, l net.Listener, secure bool) error {
	serve := server.Serve
	if secure {
		serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}
	if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// writeWithin is how long after its headers a request must have been answered.
func writeWithin(timeout time.Duration) time.Duration { return senderTime + timeout + writeSlack }

// withinNow has a request answered within what may be now, not when the server was started.
func withinNow(timeout func() time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeWithin(timeout()))) // else the server's own holds
		next.ServeHTTP(w, r)
	})
}

func newServer(h http.Handler, opts ServeOptions) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(opts.TLS == nil)
	return &http.Server{
		Handler:           guarded(withinNow(opts.timeoutNow, h)),
		ConnContext:       withConnection,
		TLSConfig:         opts.TLS,
		Protocols:         protocols,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ReadHeaderTimeout: senderTime,
		ReadTimeout:       senderTime,
		WriteTimeout:      writeWithin(opts.Timeout),
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeaders,
		ErrorLog:          slog.NewLogLogger(opts.Log.Handler(), slog.LevelDebug),
	}
}
