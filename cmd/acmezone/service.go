package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/api"
	"github.com/acmezone/acmezone/internal/audit"
	"github.com/acmezone/acmezone/internal/cert"
	"github.com/acmezone/acmezone/internal/config"
	"github.com/acmezone/acmezone/internal/dnsserve"
	"github.com/acmezone/acmezone/internal/metrics"
	"github.com/acmezone/acmezone/internal/nsdctl"
	"github.com/acmezone/acmezone/internal/publish"
	"github.com/acmezone/acmezone/internal/store"
	"github.com/acmezone/acmezone/internal/zone"
	"github.com/acmezone/acmezone/templates"
)

// serviceLockWait is how long a service waits for a command that works on the
// database.
const serviceLockWait = 5 * time.Second

// service is everything that runs, wired together.
type service struct {
	cfg      *config.Config
	log      *slog.Logger
	def      *zone.Definition
	dns      *dnsserve.Server
	api      []net.Listener
	admin    net.Listener
	tls      *tls.Config
	certs    *cert.Files // nil unless certificate files are watched
	db       *store.Store
	pipeline *publish.Pipeline
	nsd      *nsdctl.Others   // nil: the zone isn't handed to NSD
	probes   net.Listener     // nil: no admin.listen
	metrics  *metrics.Metrics // nil: nobody could read them
	audit    *audit.Log       // nil: none
	stopping atomic.Bool

	templates *templates.Source
}

// newService binds every address and opens the database; nothing runs yet. When it
// fails it leaves nothing behind. Addresses come first: they are what fails most
// often, and cost nothing to give back.
func newService(ctx context.Context, cfg *config.Config, log *slog.Logger) (s *service, err error) {
	s = &service{cfg: cfg, log: log, templates: templateSource(cfg, log)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	for _, step := range []func(context.Context) error{
		s.defineZone, s.openAudit, s.listenDNS, s.listenAPI, s.listenProbes, s.openDatabase, s.openTLS, s.listenAdmin,
	} {
		if err := step(ctx); err != nil {
			return s, err
		}
	}
	_, observer := s.observers()
	s.pipeline = publish.New(publish.Options{
		Store: s.db, Publishers: s.publishers(), Log: log, Observer: observer,
		Timeout: time.Duration(cfg.Publish.Timeout), Lifetime: time.Duration(cfg.Zone.ValueLifetime),
	})
	return s, nil
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

func (s *service) defineZone(context.Context) (err error) {
	s.def, err = define(s.cfg)
	return err
}

func (s *service) listenDNS(context.Context) (err error) {
	if s.cfg.DNS == nil {
		return nil
	}
	s.dns, err = dnsserve.Listen(dnsOptions(s.cfg.DNS, s.def, s.log))
	return withHint(err)
}

func dnsOptions(cfg *config.DNS, def *zone.Definition, log *slog.Logger) dnsserve.Options {
	return dnsserve.Options{
		Listen: cfg.Listen, Definition: def, Log: log,
		Connections: cfg.Connections, ConnectionsPerAddress: cfg.ConnectionsPerAddress,
		RateLimit: dnsserve.RateLimit{
			PerSecond: cfg.RateLimit, Slip: cfg.RateLimitSlip, Exempt: networks(cfg.RateLimitExempt),
		},
	}
}

func (s *service) listenAPI(ctx context.Context) error {
	for _, addr := range s.cfg.API.Listen {
		l, err := listenTCP(ctx, addr)
		if err != nil {
			return withHint(fmt.Errorf("api: %w", err))
		}
		s.api = append(s.api, l)
	}
	return nil
}

func (s *service) listenAdmin(ctx context.Context) (err error) {
	s.admin, err = listenSocket(ctx, "admin.socket", s.cfg.Admin.Socket)
	return err
}

// openDatabase comes before what is kept beside it: it proves that the folder is fit.
func (s *service) openDatabase(ctx context.Context) (err error) {
	if s.db, err = openStore(ctx, s.cfg, s.def, serviceLockWait, s.log); err != nil {
		return err
	}
	return s.refuseConflicts(ctx)
}

func openStore(ctx context.Context, cfg *config.Config, def *zone.Definition, wait time.Duration, log *slog.Logger) (*store.Store, error) {
	opts, err := storeOptions(cfg, def, wait, log)
	if err != nil {
		return nil, err
	}
	return store.Open(ctx, opts)
}

func storeOptions(cfg *config.Config, def *zone.Definition, wait time.Duration, log *slog.Logger) (store.Options, error) {
	policy, err := zone.ParseSerialPolicy(cfg.Zone.SerialPolicy)
	if err != nil {
		return store.Options{}, usagef("zone.serial_policy: %w", err)
	}
	return store.Options{
		Path: cfg.Store.Path, Zone: def.Name(), Policy: policy, MaxValues: cfg.Zone.MaxValues, LockWait: wait, Log: log,
	}, nil
}

// refuseConflicts keeps a static record from standing where an account's values
// belong.
func (s *service) refuseConflicts(ctx context.Context) error {
	var names []string
	for _, rr := range s.def.Static() {
		switch rr.Header().Rrtype {
		case dns.TypeCNAME, dns.TypeDNAME, dns.TypeNS, dns.TypeTXT:
			names = append(names, strings.TrimSuffix(rr.Header().Name, "."+s.def.Name()))
		}
	}
	taken, err := s.db.Owners(ctx, names)
	if err != nil || len(taken) == 0 {
		return err
	}
	err = fmt.Errorf("zone.records: %s belongs to a registered account: take the record away", s.def.FullName(taken[0]))
	return usageError{s.cfg.Locate(err)}
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
	timeout := time.Duration(s.cfg.Publish.Timeout)
	parts := []part{
		{"changes", s.pipeline.Run},
		{"admin socket", func(ctx context.Context) error {
			return api.Serve(ctx, []net.Listener{s.admin}, api.NewAdmin(api.Audited(s, s.audit, audit.ViaSocket), s.log), api.ServeOptions{Timeout: timeout, Log: s.log})
		}},
		{"api", func(ctx context.Context) error {
			return api.Serve(ctx, s.api, s.handler(), api.ServeOptions{TLS: s.tls, Timeout: timeout, Log: s.log})
		}},
	}
	if s.dns != nil {
		parts = append([]part{{"dns", s.dns.Serve}}, parts...)
	}
	if s.probes != nil { // the last to end, so that it can be seen what the others do
		parts = append([]part{{"admin.listen", s.serveProbes}}, parts...)
	}
	if s.certs != nil {
		parts = append(parts, part{"certificate files", s.certs.Run})
	}
	parts = append(parts, part{"ready", func(ctx context.Context) error {
		select {
		case <-s.pipeline.Ready():
			ready()
		case <-ctx.Done():
		}
		<-ctx.Done()
		s.stopping.Store(true)
		return nil
	}})
	return errors.Join(runParts(ctx, parts), s.close())
}

func (s *service) handler() http.Handler {
	observer, _ := s.observers()
	return api.New(api.Options{
		Definition: s.def, Changes: changes{s.pipeline, s}, Accounts: s.db,
		Registration: api.Registration(s.cfg.API.Registration), RegisterFrom: networks(s.cfg.API.RegisterFrom),
		PathPrefix: s.cfg.API.PathPrefix, CORSOrigins: s.cfg.API.CORSOrigins,
		Timeout: time.Duration(s.cfg.Publish.Timeout), Log: s.log, Attacher: attacher(s.cfg),
		Audit: s.audit, Observer: observer,
	})
}

// close gives back what newService took; what has been closed before is passed
// over.
func (s *service) close() error {
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
