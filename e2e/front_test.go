package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// front stands before a CA, counts what comes, and turns away on command. There is a
// front before there is a CA: what comes meanwhile waits. So a service can be started
// before the resolver that has to find it, and the CA that needs the resolver.
type front struct {
	directory string
	there     chan struct{}           // closed when there is a CA
	ca        atomic.Pointer[url.URL] // set before

	mu      sync.Mutex
	paths   []string
	limited string   // Retry-After with which orders are turned away; empty: they aren't
	held    string   // a path that gets no answer
	next    *url.URL // the CA from the next order on; nil: it stays
}

// startFront listens at an address; port 0 takes a free one.
func startFront(t *testing.T, addr string) *front {
	t.Helper()
	f := &front{there: make(chan struct{})}
	pair, err := tls.LoadX509KeyPair(files.cert, files.key)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(f.handler())
	_ = server.Listener.Close()
	server.Listener = listener
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.Config.ErrorLog = stdlog.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	f.directory = "https://" + listener.Addr().String() + "/dir"
	return f
}

func (f *front) handler() http.Handler {
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(f.ca.Load())
		r.Out.Host = r.In.Host // the CA makes its links of it
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-f.there:
		case <-r.Context().Done():
			return
		}
		limited, held := f.note(r.URL.Path)
		switch {
		case held:
			_, _ = io.Copy(io.Discard, r.Body) // only then is it noticed that the client goes
			<-r.Context().Done()
		case limited != "" && r.URL.Path == newOrder:
			turnAway(w, limited)
		default:
			proxy.ServeHTTP(w, r)
		}
	})
}

// turnAway says what a CA says whose limit is reached.
func turnAway(w http.ResponseWriter, retryAfter string) {
	w.Header().Set("Retry-After", retryAfter)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(http.StatusTooManyRequests)
	fmt.Fprint(w, `{"type": "urn:ietf:params:acme:error:rateLimited", "status": 429, "detail": "too many certificates already issued"}`)
}

// Paths of Pebble's.
const (
	newOrder      = "/order-plz"
	newAccount    = "/sign-me-up"
	challengePath = "/chalZ/" // and what the challenge is called
)

func (f *front) note(path string) (limited string, held bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.paths = append(f.paths, path)
	if path == newOrder && f.next != nil {
		f.ca.Store(f.next)
		f.next = nil
	}
	return f.limited, f.held != "" && strings.HasPrefix(path, f.held)
}

// limit has orders turned away from now on.
func (f *front) limit(retryAfter string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.limited = retryAfter
}

// hold lets what comes for a path wait for ever.
func (f *front) hold(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held = path
}

// leadTo has the requests go to a CA from now on, which may be another one than before.
func (f *front) leadTo(t *testing.T, ca *pebble) {
	t.Helper()
	if before := f.ca.Swap(ca.where(t)); before == nil {
		close(f.there)
	}
}

// leadNextTo has them go to another CA when the next order begins: one that is under way,
// as it often is on a slow machine, comes to its end.
func (f *front) leadNextTo(t *testing.T, ca *pebble) {
	t.Helper()
	to := ca.where(t)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next = to
}

// where is the CA's address, without a path.
func (p *pebble) where(t *testing.T) *url.URL {
	t.Helper()
	to, err := url.Parse(p.directory)
	if err != nil {
		t.Fatal(err)
	}
	return &url.URL{Scheme: to.Scheme, Host: to.Host}
}

// count is how many requests have come for a path, or, with a slash at its end, below it.
func (f *front) count(path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(f.paths), func(p string) bool {
		return p != path && !(strings.HasSuffix(path, "/") && strings.HasPrefix(p, path))
	}))
}
