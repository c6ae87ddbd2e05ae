package api_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/acmezone/acmezone/internal/api"
)

// patient is a service that says what a test wants.
type patient struct {
	live, ready, health error
	degraded            []string
}

func (p patient) Live(context.Context) error   { return p.live }
func (p patient) Ready(context.Context) error  { return p.ready }
func (p patient) Health(context.Context) error { return p.health }
func (p patient) Degraded() []string           { return p.degraded }

func probes(t *testing.T, service api.Probed) *bed {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	text := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "acmezone_up 1\n") })
	handler := api.NewProbes(api.ProbeOptions{Service: service, Metrics: text, Loopback: true})
	stop := background(t, func(ctx context.Context) error {
		return api.ServeProbes(ctx, l, handler, slog.New(slog.DiscardHandler))
	})
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		stop()
	})
	return &bed{t: t, addr: l.Addr().String(), network: new(net.Dialer).DialContext, http: &http.Client{Transport: transport}}
}

func TestProbes(t *testing.T) {
	well := probes(t, patient{})
	for _, path := range []string{"/livez", "/readyz", "/health"} {
		well.want(path, well.ask("GET", path, ""), 200, "")
		well.want(path, well.ask("HEAD", path, ""), 200, "")
	}
	if a := well.ask("GET", "/metrics", ""); a.status != 200 || !strings.Contains(a.body, "acmezone_up 1") {
		t.Errorf("%+v", a)
	}
	ill := probes(t, patient{live: errors.New("stuck"), ready: errors.New("it starts"), health: errors.New("late")})
	for path, body := range map[string]string{
		"/livez":  `{"error": "not_live", "reason": "stuck"}`,
		"/readyz": `{"error": "not_ready", "reason": "it starts"}`,
		"/health": `{"error": "unhealthy", "reason": "late"}`,
	} {
		a := ill.ask("GET", path, "")
		ill.want(path, a, 503, body)
		if a.header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
	}
	worse := probes(t, patient{health: errors.New("full"), degraded: []string{"a \"part\"", "b"}})
	worse.want("/health", worse.ask("GET", "/health", ""), 503, `{"error": "unhealthy", "reason": "full", "degraded": ["a \"part\"","b"]}`)
}

// slowTest is a service whose self-test takes its time and is counted.
type slowTest struct {
	patient
	tests *atomic.Int32
}

func (s slowTest) Live(ctx context.Context) error {
	s.tests.Add(1)
	<-ctx.Done()
	return ctx.Err()
}

// TestLivenessIsTestedOnceForAll: whoever asks, and as often as he likes, gets no more
// than one self-test at a time, which has its end.
func TestLivenessIsTestedOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := slowTest{tests: new(atomic.Int32)}
		h := api.NewProbes(api.ProbeOptions{Service: service, Metrics: http.NotFoundHandler()})
		began := time.Now()
		var asking sync.WaitGroup
		for range 50 {
			asking.Go(func() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest("GET", "/livez", nil))
				if w.Code != http.StatusServiceUnavailable {
					t.Errorf("status %d", w.Code)
				}
			})
		}
		asking.Wait()
		if n, took := service.tests.Load(), time.Since(began); n != 1 || took != 5*time.Second {
			t.Errorf("%d tests, %v", n, took)
		}
	})
}

// TestProbesChangeNothing: whoever reaches the port may read, and no more.
func TestProbesChangeNothing(t *testing.T) {
	b := probes(t, patient{})
	for _, path := range []string{
		"/changes/remove-account", "/changes/set-value", "/accounts", "/account", "/values", "/tokens", "/zone", "/import", "/backup",
		"/register", "/update", "/storage", "/storage/example.com", "/debug/pprof/", "/",
	} {
		for _, method := range []string{"GET", "POST"} {
			b.want(method+" "+path, b.ask(method, path, "{}"), 404, `{"error": "not_found"}`)
		}
	}
	for _, path := range []string{"/metrics", "/livez", "/readyz", "/health"} {
		b.want("POST "+path, b.ask("POST", path, "{}"), 405, `{"error": "method_not_allowed"}`)
	}
}

// TestProbesOfAForeignHost: a page in a browser on this machine has its own name lead
// here.
func TestProbesOfAForeignHost(t *testing.T) {
	b := probes(t, patient{})
	for host, status := range map[string]int{
		"localhost": 200, "localhost:9180": 200, "LOCALHOST.": 200, "127.0.0.1:9180": 200, "[::1]:9180": 200, "[::1]": 200, "192.0.2.1": 200,
		"evil.example": 403, "evil.example:9180": 403, "127.0.0.1.evil.example": 403, "localhost.evil.example": 403,
	} {
		request, err := http.NewRequest("GET", "http://"+b.addr+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host
		response, err := b.http.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != status {
			t.Errorf("%s: %d", host, response.StatusCode)
		}
	}
	if a := b.raw("GET /livez HTTP/1.0\r\n\r\n"); !strings.HasPrefix(a, "HTTP/1.0 200 ") {
		t.Errorf("a health check without a Host: %q", a)
	}
}

// TestProbesOfWhoClosesHisHalf of the connection, by which net/http ends the request.
func TestProbesOfWhoClosesHisHalf(t *testing.T) {
	handler := api.NewProbes(api.ProbeOptions{Service: patient{}, Metrics: http.NotFoundHandler()})
	closed, end := context.WithCancel(t.Context())
	end()
	for range 20 {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(closed, "GET", "/livez", nil))
		if w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
}

// TestProbesOutliveIdlers: connections on which nothing comes, or half a request, hold up
// nobody.
func TestProbesOutliveIdlers(t *testing.T) {
	b := probes(t, patient{})
	for i := range 500 {
		conn, err := net.Dial("tcp", b.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if i%2 == 0 {
			_, _ = io.WriteString(conn, "GET /livez HTTP/1.1\r\nHost: localhost\r\n") // it may be closed by now
		}
	}
	began := time.Now()
	b.want("/livez", b.ask("GET", "/livez", ""), 200, "")
	t.Logf("answered after %v", time.Since(began).Round(time.Millisecond))
}
