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
	"sync"
	"testing"
)

// front stands before a CA, counts what comes, and turns away on command. There is a
// front before there is a CA: what comes meanwhile waits. So a service can be started
// before the resolver that has to find it, and the CA that needs the resolver.
type front struct {
	directory string
	there     chan struct{} // closed when there is a CA
	ca        *url.URL      // set before

	mu      sync.Mutex
	paths   []string
	limited string // Retry-After with which orders are turned away; empty: they aren't
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
		r.SetURL(f.ca)
		r.Out.Host = r.In.Host // the CA makes its links of it
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-f.there:
		case <-r.Context().Done():
			return
		}
		if retryAfter := f.note(r.URL.Path); retryAfter != "" && r.URL.Path == newOrder {
			w.Header().Set("Retry-After", retryAfter)
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusTooManyRequests)
			fmt.Fprint(w, `{"type": "urn:ietf:params:acme:error:rateLimited", "status": 429, "detail": "too many certificates already issued"}`)
			return
		}
		proxy.ServeHTTP(w, r)
	})
}

// Paths of Pebble's.
const (
	newOrder   = "/order-plz"
	newAccount = "/sign-me-up"
)

func (f *front) note(path string) (limited string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.paths = append(f.paths, path)
	return f.limited
}

// leadTo has the requests go to a CA from now on.
func (f *front) leadTo(t *testing.T, ca *pebble) {
	t.Helper()
	to, err := url.Parse(ca.directory)
	if err != nil {
		t.Fatal(err)
	}
	f.ca = &url.URL{Scheme: to.Scheme, Host: to.Host}
	close(f.there)
}

// count is how many requests have come for a path.
func (f *front) count(path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(f.paths), func(p string) bool { return p != path }))
}
