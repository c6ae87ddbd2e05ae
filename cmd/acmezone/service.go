package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/acmezone/acmezone/internal/api"
	"github.com/acmezone/acmezone/internal/audit"
	"github.com/acmezone/acmezone/internal/cert"
	"github.com/acmezone/acmezone/internal/config"
	"github.com/acmezone/acmezone/internal/dnsserve"
	"github.com/acmezone/acmezone/internal/limit"
	"github.com/acmezone/acmezone/internal/metrics"
	"github.com/acmezone/acmezone/internal/nsdctl"
	"github.com/acmezone/acmezone/internal/publish"
	"github.com/acmezone/acmezone/internal/store"
	"github.com/acmezone/acmezone/internal/systemd"
	"github.com/acmezone/acmezone/internal/zone"
	"github.com/acmezone/acmezone/templates"
)

// service is everything that runs, wired together.
type service struct {
	startup
	cfg      *config.Config // as it was at the start: for what takes effect then
	dns      *dnsserve.Server
	api      []net.Listener
	mayOpen  uint64             // files of this process
	room     room               // at the start
	clients  *limit.Connections // of the API
	admin    net.Listener
	tls      *tls.Config
	cert     certificate       // nil with api.tls = "off"
	files    *cert.Replaceable // the same with api.tls = "files"; else nil
	db       *store.Store
	pipeline *publish.Pipeline
	nsd      *nsdctl.Others   // nil: the zone isn't handed to NSD
	probes   net.Listener     // nil: no admin.listen
	metrics  *metrics.Metrics // nil: nobody could read them
	audit    *audit.Log       // drops everything where none is wanted
	stopping atomic.Bool
	handler  *api.Handler

	templates *templates.Source

	inForce   atomic.Pointer[inForce]  // what a reload replaces
	importing atomic.Int32             // imports under way
	refused   atomic.Pointer[refusal]  // why the last configuration was not taken up; nil: it was
	waiting   atomic.Pointer[[]string] // keys that have changed and take a restart; nil: none
	putOff    putOff                   // of watchConfig alone
}

// startup is what a service is started with besides its configuration. The zero one will
// do, but for the log.
type startup struct {
	log       *slog.Logger
	level     *slog.LevelVar   // of the log; nil: it doesn't change
	environ   []string         // laid over the configuration when that is read again
	hangup    <-chan os.Signal // asks for that
	inherited *systemd.Sockets // sockets that are bound already
	manager   *systemd.Manager // nil: none waits for word
}

// newService binds every address and opens the database; nothing runs yet. When it
// fails it leaves nothing behind. Addresses come first: they are what fails most
// often, and cost nothing to give back.
func newService(ctx context.Context, cfg *config.Config, with startup) (s *service, err error) {
	s = &service{startup: with, cfg: cfg, templates: templateSource(cfg, with.log)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	for _, step := range []func(context.Context) error{
		s.defineZone, s.openAudit, s.makeRoom, s.listenDNS, s.listenAPI, s.refuseRest, s.listenProbes, s.openDatabase, s.newPipeline, s.openTLS, s.listenAdmin,
	} {
		if err := step(ctx); err != nil {
			return s, err
		}
	}
	s.handler = api.New(s.apiOptions(s.inForce.Load()))
	return s, nil
}

func (s *service) newPipeline(context.Context) error {
	_, observer := s.observers()
	s.pipeline = publish.New(publish.Options{
		Store: s.db, Publishers: s.publishers(), Log: s.log, Observer: observer,
		Timeout: time.Duration(s.cfg.Publish.Timeout), Lifetime: time.Duration(s.cfg.Zone.ValueLifetime),
	})
	return nil
}

// define makes the zone of the configuration; what is wrong there is the
// operator's to mend.
func define(cfg *config.Config) (*zone.Definition, error) {
	z := cfg.Zone
	def, err := zone.Define(zone.Spec{
		Name: z.Name, Nameservers: z.Nameservers, Contact: z.Contact, Records: z.Records,
		TTL: time.Duration(z.TTL), ChallengeTTL: time.Duration(z.ChallengeTTL), NegativeTTL: time.Duration(z.NegativeTTL),
	})
	if err != nil {
		return nil, usageError{cfg.Locate(err)}
	}
	return def, nil
}

func (s *service) defineZone(context.Context) error {
	def, err := define(s.cfg)
	if err == nil {
		s.inForce.Store(&inForce{cfg: s.cfg, def: def, proxies: proxiesOf(s.cfg.API.TrustedProxies)})
	}
	return err
}

func (s *service) publishers() []publish.Publisher {
	var all []publish.Publisher
	if s.dns != nil {
		all = append(all, s.dns)
	}
	if s.cfg.NSD.Publishes() {
		all = append(all, s.nsdPublishers()...)
	}
	return all
}

// run serves until ctx is done. What takes requests ends first, then what makes
// changes durable and published, then what answers DNS. Ready is called when
// everything that was stored is being answered.
func (s *service) run(ctx context.Context, ready func()) error {
	var parts []part
	if s.probes != nil { // the last to end, so that it can be seen what the others do
		parts = append(parts, part{"admin.listen", s.serveProbes})
	}
	if s.dns != nil {
		parts = append(parts, part{"dns", s.dns.Serve})
	}
	parts = append(parts,
		part{"changes", s.pipeline.Run},
		part{"admin socket", s.serveAdmin},
		part{"api", s.serveAPI},
	)
	if s.cert != nil {
		parts = append(parts, part{"certificate", s.cert.Run})
	}
	parts = append(parts,
		part{"configuration", s.watchConfig},
		part{"ready", func(ctx context.Context) error { return s.awaitReady(ctx, ready) }},
	)
	parts = append(parts, s.managerParts()...)
	return errors.Join(runParts(ctx, parts), s.close())
}

// awaitReady calls ready when everything that was stored is being answered.
func (s *service) awaitReady(ctx context.Context, ready func()) error {
	select {
	case <-s.pipeline.Ready():
		ready()
	case <-ctx.Done():
	}
	<-ctx.Done()
	s.stopping.Store(true)
	return nil
}

func (s *service) serveAdmin(ctx context.Context) error {
	admin := api.NewAdmin(api.Audited(s, s.audit, audit.ViaSocket), s.log)
	return api.Serve(ctx, []net.Listener{s.admin}, admin, s.serveOptions())
}

// firstPublication is how long clients wait in the backlog for what was stored to be
// answered: as a rule it takes milliseconds, and nobody has to hear of a restart. Where a
// name server is away they are told so.
const firstPublication = time.Second

func (s *service) serveAPI(ctx context.Context) error {
	select {
	case <-s.pipeline.Ready():
	case <-time.After(firstPublication):
	case <-ctx.Done():
	}
	opts := s.serveOptions()
	opts.TLS, opts.Proxies, opts.Connections = s.tls, s.proxies, s.clients
	if s.dns != nil {
		opts.Between = s.dns.AnswerWaiting
	}
	return api.Serve(ctx, s.api, s.handler, opts)
}

func (s *service) serveOptions() api.ServeOptions {
	return api.ServeOptions{Timeout: time.Duration(s.cfg.Publish.Timeout), TimeoutNow: s.timeout, Log: s.log}
}

func (s *service) apiOptions(now *inForce) api.Options {
	cfg := now.cfg
	observer, _ := s.observers()
	return api.Options{
		Definition: now.def, Changes: s.apiChanges(), Accounts: s.db,
		Registration: api.Registration(cfg.API.Registration), RegisterFrom: networks(cfg.API.RegisterFrom),
		Proxies: now.proxies, Limits: limitsOf(cfg.Limits), Hostname: strings.TrimSuffix(cfg.API.Hostname, "."),
		PathPrefix: cfg.API.PathPrefix, CORSOrigins: cfg.API.CORSOrigins,
		Timeout: time.Duration(cfg.Publish.Timeout), Log: s.log, Attacher: attacher(cfg),
		Audit: s.audit, Observer: observer,
	}
}

// proxies returns those of api.trusted_proxies now.
func (s *service) proxies() api.Proxies {
	return s.inForce.Load().proxies
}

// close gives back what newService took; what has been closed before is passed
// over.
func (s *service) close() error {
	s.inherited.Close()
	if s.dns != nil {
		s.dns.Close()
	}
	for _, l := range append([]net.Listener{s.admin, s.probes}, s.api...) {
		if l != nil {
			_ = l.Close() // closed by the server that used it, as a rule
		}
	}
	err := s.audit.Close()
	if s.db == nil {
		return err
	}
	return errors.Join(err, s.db.Close())
}
