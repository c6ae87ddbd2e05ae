package api

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/go-chi/chi/v5"
)

// ProbeOptions say what supervisors and monitoring are told.
type ProbeOptions struct {
	Service Probed
	Metrics http.Handler
	// Loopback: the listener is this machine's alone, so that only its own names may be
	// asked for.
	Loopback bool
}

// Probed is a service that can be asked how it is.
type Probed interface {
	// Live returns nil unless a restart would mend what is wrong. It ends with ctx.
	Live(ctx context.Context) error
	// Ready returns nil while requests are served and everything that was stored at the
	// start has been published.
	Ready(ctx context.Context) error
	// Health returns nil while the service does its work, else the reason.
	Health(ctx context.Context) error
	// Degraded says what the service does without although it does its work.
	Degraded() []string
}

// NewProbes returns what admin.listen serves: it can be read, and changes nothing, since
// whoever reaches a TCP port may ask.
func NewProbes(opts ProbeOptions) http.Handler {
	r := chi.NewRouter()
	r.NotFound(func(w http.ResponseWriter, _ *http.Request) { writeError(w, errNotFound) })
	r.MethodNotAllowed(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", "GET, HEAD")
		writeError(w, errMethod)
	})
	for path, do := range map[string]http.HandlerFunc{
		"/metrics": opts.Metrics.ServeHTTP,
		"/livez":   probe(newLiveness(opts.Service.Live).ask, errNotLive),
		"/readyz":  probe(opts.Service.Ready, errNotReady),
		"/health":  func(w http.ResponseWriter, r *http.Request) { answerHealth(w, r, opts.Service) },
	} {
		r.Get(path, do)
		r.Head(path, do)
	}
	if opts.Loopback {
		return ownName(r)
	}
	return r
}

// probe answers 200 without a body, or 503 with the reason, also to who closes his half of
// the connection when he has asked.
func probe(ask func(context.Context) error, failed error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := ask(context.WithoutCancel(r.Context())); err != nil {
			writeReason(w, failed, err.Error())
			return
		}
		w.WriteHeader(http.StatusOK)
	}
}

// ownName answers those who ask for an address or for localhost, or for no name at all, as
// HAProxy's health checks do. A web page that has its own name lead to this machine, to read
// what is only for it (DNS rebinding), asks for that name.
func ownName(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isOwnName(r.Host) {
			writeReason(w, errForeignHost, "ask for localhost or an address: admin.listen is this machine's alone")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func isOwnName(host string) bool {
	if host == "" {
		return true // HTTP/1.0, which no browser speaks
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil || host == "localhost" || strings.HasSuffix(host, ".localhost")
}
