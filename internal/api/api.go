// Package api is acmezone's HTTP side: the acme-dns API for ACME clients, and the
// admin API that the command line speaks over a unix socket.
//
// Clients are met as they are (they send no Content-Type, a doubled slash, null
// for a body, capitalised keys); what they may not do is decided strictly.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/rs/cors"

	"github.com/acmezone/acmezone/internal/audit"
	"github.com/acmezone/acmezone/internal/zone"
)

// Changes is where changes are handed over.
type Changes interface {
	// Commit returns nil when the change is durable.
	Commit(ctx context.Context, change zone.Change) error
	// Publish returns nil when the change is durable and every name server
	// answers it; zone.ErrNotPublished if it is durable only.
	Publish(ctx context.Context, change zone.Change) error
	// Health returns nil while the service does its work, else the reason. How long that
	// takes is bounded.
	Health(ctx context.Context) error
	// Degraded says what the service does without although it does its work.
	Degraded() []string
}

// Accounts is where accounts and tokens are looked up.
type Accounts interface {
	// Account returns the account of a user name, but for its domains, or
	// zone.ErrNoAccount.
	Account(ctx context.Context, username string) (zone.Account, error)
	// TokenOf returns the token of a secret, or zone.ErrToken. It may be spent, or
	// be used up before what is asked for with it is committed.
	TokenOf(ctx context.Context, secret zone.Secret) (zone.Token, error)
	// Binding returns to whom a domain is bound, or zone.ErrNotBound.
	Binding(ctx context.Context, domain string) (zone.Binding, error)
	// Bindings returns a page of what was bound with a token: those after a domain, in
	// the order of the domains. A page with fewer than limit is the last one.
	Bindings(ctx context.Context, token, after string, limit int) ([]zone.Binding, error)
}

// Registration says who may register.
type Registration string

// The values of api.registration.
const (
	RegistrationOpen       Registration = "open"
	RegistrationRestricted Registration = "restricted" // from RegisterFrom, or with a token
	RegistrationClosed     Registration = "closed"
)

// Options of the client API.
type Options struct {
	Definition   *zone.Definition
	Changes      Changes
	Accounts     Accounts
	Attacher     Attacher // nil: CNAMEs are made by hand
	Registration Registration
	RegisterFrom []netip.Prefix
	Proxies      Proxies
	Limits       Limits
	Hostname     string        // the API's name
	PathPrefix   string        // "" or "/acme"
	CORSOrigins  []string      // empty: no CORS headers
	Timeout      time.Duration // publish.timeout: how long a request may wait for its answer
	Log          *slog.Logger
	Audit        *audit.Log // nil: none
	Observer     Observer   // nil: nobody counts
}

// Handler answers the client API, and can be given other options while it does. Any
// number of goroutines may use it.
type Handler struct {
	kept    kept
	current atomic.Pointer[http.Handler] // what answers requests that begin now
}

// kept is what outlives a change of the options: what is known of clients.
type kept struct {
	limits *limits
	bcrypt *bcryptGate
	proxy  *sync.Once // has an unnamed proxy said
}

// handler answers by one set of options. It may be used by any number of goroutines.
type handler struct {
	Options
	kept
}

// New returns the client API: /register, /update, /storage and /health.
func New(opts Options) *Handler {
	h := &Handler{kept: kept{newLimits(opts.Limits), newBcryptGate(), new(sync.Once)}}
	h.Reconfigure(opts)
	return h
}

// Reconfigure has requests that begin from now on answered by other options. Those under
// way end by the ones they began with.
func (h *Handler) Reconfigure(opts Options) {
	h.kept.limits.setRates(opts.Limits)
	routes := (&handler{opts, h.kept}).routes()
	h.current.Store(&routes)
}

// ServeHTTP answers a request by the options of now.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	(*h.current.Load()).ServeHTTP(w, r)
}

func (h *handler) routes() http.Handler {
	r := chi.NewRouter()
	r.NotFound(func(w http.ResponseWriter, r *http.Request) { writeError(w, errNotFound) })
	r.MethodNotAllowed(methodNotAllowed)
	r.Post("/register", h.answer("register", h.register))
	r.Post("/update", h.answer("update", h.update))
	r.Get("/storage", h.answer("account store listed", h.listStored))
	r.Get("/storage/{domain}", h.answer("account store read", h.readStored))
	r.Post("/storage/{domain}", h.answer("account store written", h.store))
	r.Get("/health", h.health)
	r.Head("/health", h.health)
	return observed(h.Observer, recovered(h.Log, h.withCORS(tolerantPath(h.PathPrefix, r))))
}

func (h *handler) withCORS(next http.Handler) http.Handler {
	if len(h.CORSOrigins) == 0 {
		return next
	}
	return cors.New(cors.Options{
		AllowedOrigins: h.CORSOrigins,
		AllowedMethods: []string{http.MethodGet, http.MethodPost},
		AllowedHeaders: []string{"Content-Type", "Authorization", "X-Api-User", "X-Api-Key"},
	}).Handler(next)
}

// methodNotAllowed names the methods that the path has (RFC 9110, 15.5.6).
func methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	allow := "POST"
	switch path := segments(r.URL.Path); {
	case len(path) == 1 && path[0] == "health":
		allow = "GET, HEAD"
	case len(path) == 1 && path[0] == "storage":
		allow = "GET"
	case len(path) == 2:
		allow = "GET, POST"
	}
	w.Header().Set("Allow", allow)
	writeError(w, errMethod)
}

// deadline bounds a request from its arrival. A client that hangs up doesn't end
// it: its change may be on the disk already, and is on its way to the name servers
// whoever waits.
func (h *handler) deadline(r *http.Request, arrived time.Time) (context.Context, context.CancelFunc) {
	return context.WithDeadline(context.WithoutCancel(r.Context()), arrived.Add(h.Timeout))
}

// health answers as acme-dns does, 200 without a body, unless there is something to
// say although all is well; else it says what is wrong.
func (h *handler) health(w http.ResponseWriter, r *http.Request) {
	at(w, endpointHealth)
	answerHealth(w, r, h.Changes)
}

// healthy is what knows whether the service does its work.
type healthy interface {
	Health(ctx context.Context) error
	Degraded() []string
}

// answerHealth asks without the request's end: a client that has closed its half of the
// connection is answered all the same, and doesn't make the service unhealthy.
func answerHealth(w http.ResponseWriter, r *http.Request, service healthy) {
	if err := service.Health(context.WithoutCancel(r.Context())); err != nil {
		writeUnhealthy(w, err, service.Degraded())
		return
	}
	if degraded := service.Degraded(); len(degraded) > 0 {
		writeJSON(w, http.StatusOK, []byte(asJSON(map[string][]string{"degraded": degraded})))
		return
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
}
