package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/acmezone/acmezone/internal/api"
	"github.com/acmezone/acmezone/internal/audit"
	"github.com/acmezone/acmezone/internal/cert"
	"github.com/acmezone/acmezone/internal/config"
	"github.com/acmezone/acmezone/internal/nsdctl"
	"github.com/acmezone/acmezone/internal/publish"
	"github.com/acmezone/acmezone/internal/store"
	"github.com/acmezone/acmezone/internal/watch"
	"github.com/acmezone/acmezone/internal/zone"
)

// inForce is what counts now. It is immutable; a reload puts another one in its place.
type inForce struct {
	cfg *config.Config // the values in force, which for some keys are those of the start
	def *zone.Definition
	// earlier is the definition of serials before since; nil: there is none.
	earlier *zone.Definition
	since   zone.Serial

	proxies api.Proxies // of api.trusted_proxies
}

func (s *service) definition() *zone.Definition { return s.inForce.Load().def }

// definitionOf returns the definition that goes with a snapshot's serial. A publisher may
// still be at an earlier one.
func (s *service) definitionOf(snap *zone.Snapshot) *zone.Definition {
	now := s.inForce.Load()
	if now.earlier != nil && !snap.Serial().Reached(now.since) {
		return now.earlier
	}
	return now.def
}

// timeout returns publish.timeout.
func (s *service) timeout() time.Duration {
	return time.Duration(s.inForce.Load().cfg.Publish.Timeout)
}

// watchConfig reads the configuration again when its file changes, and on SIGHUP, until
// ctx is done. That the file can't be watched is no reason not to serve.
func (s *service) watchConfig(ctx context.Context) error {
	changed := make(chan struct{}, 1)
	var watching sync.WaitGroup
	defer watching.Wait()
	if file := s.cfg.File(); file != "" {
		watching.Go(func() { s.watchFile(ctx, file, changed) })
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
			s.reload(ctx, false)
		case <-s.hangup:
			s.manager.Reload(func() { s.reload(ctx, true) })
		case <-s.putOff.due:
			s.takeUp(ctx, s.putOff.read, false)
		}
	}
}

func (s *service) watchFile(ctx context.Context, file string, changed chan<- struct{}) {
	err := watch.Files(ctx, []string{file}, s.log, func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	if err != nil {
		s.log.Warn("changes of the configuration aren't noticed: send SIGHUP after one", "err", err)
	}
}

// reload takes a changed configuration up, all of it that can be without a restart, or
// nothing. Asked says that somebody has asked for it, and wants an answer even if nothing
// has changed. One that was put off before is given up for it.
func (s *service) reload(ctx context.Context, asked bool) {
	if s.cfg.File() == "" {
		s.log.Info("there is no configuration file to read again")
		return
	}
	s.putOff = putOff{}
	read, err := s.readAgain()
	if err != nil {
		s.refuse(err)
		return
	}
	s.takeUp(ctx, read, asked)
}

// takeUp puts a configuration in force that was found right in itself, or puts it off.
func (s *service) takeUp(ctx context.Context, read *config.Config, asked bool) {
	within, cancel := context.WithTimeout(ctx, s.timeout())
	defer cancel()
	next, err := s.merge(within, read)
	if err == nil && len(next.changed)+len(next.waiting) > 0 {
		err = s.apply(within, next)
		next.audit.Close() // which nobody writes to unless that has succeeded
	}
	switch {
	case ctx.Err() != nil:
		// The service is stopping, and the next start takes all of it up.
	case err != nil && passes(err):
		s.delay(read, err)
	case err != nil:
		s.refuse(err)
	default:
		s.sayReloaded(next, asked)
	}
}

// delay says so once, however often it is tried.
func (s *service) delay(read *config.Config, err error) {
	now := &refusal{reason: oneLine(err), putOff: true}
	s.refused.Store(now)
	if s.putOff.read == nil {
		s.log.Error("the configuration can't be taken up yet: it is tried again until it can be, and the one from before stays until then, all of it", "err", now.reason)
	}
	s.putOff = s.putOff.again(read)
}

func (s *service) refuse(err error) {
	s.putOff = putOff{}
	now := &refusal{reason: oneLine(err)}
	s.refused.Store(now)
	s.log.Error("the configuration can't be taken up: the one from before stays, all of it", "err", now.reason)
}

// sayReloaded says what has changed, by the level of the log from before.
func (s *service) sayReloaded(next *prepared, asked bool) {
	s.putOff = putOff{}
	before := s.refused.Swap(nil)
	s.waiting.Store(&next.waiting)
	if len(next.changed)+len(next.waiting) == 0 && (asked || before != nil) {
		s.log.Info("the configuration was read again: nothing has changed")
	}
	if len(next.changed) > 0 {
		s.log.Info("the configuration was read again, and is in force", "keys", next.changed)
		s.warn(&next.inForce)
	}
	if len(next.waiting) > 0 {
		s.log.Warn("these keys have changed and take effect when the service is restarted", "keys", next.waiting)
	}
	if s.level != nil {
		_ = s.level.UnmarshalText([]byte(next.cfg.Log.Level)) // validated before
	}
}

// waitingKeys are those that have changed and take effect at the next start.
func (s *service) waitingKeys() []string {
	if waiting := s.waiting.Load(); waiting != nil {
		return *waiting
	}
	return nil
}

// prepared is a configuration that was found right, with all that could fail done.
type prepared struct {
	inForce
	certs   *cert.Files  // nil: the files are the same
	audit   *audit.Place // nil: the file is the same
	changed []string     // keys that take effect now
	waiting []string     // keys that take effect at the next start
}

// readAgain reads the configuration, and says what is wrong with it for a start as well.
func (s *service) readAgain() (*config.Config, error) {
	read, err := readConfig(s.cfg.File(), surroundings{environ: s.environ})
	if err != nil {
		return nil, err
	}
	if err := read.CheckServe(); err != nil {
		return nil, err
	}
	if _, err := define(read); err != nil {
		return nil, err
	}
	return read, nil
}

// merge finds out what of a configuration takes effect now, and whether the whole that
// comes of it is right as well. It does all that start does before it binds an address, and
// changes nothing.
func (s *service) merge(ctx context.Context, read *config.Config) (*prepared, error) {
	now := s.inForce.Load()
	next := new(prepared)
	next.changed, next.waiting = divide(now.cfg, read)
	if err := judgeOwnCertificate(read, next.waiting); err != nil {
		return nil, err
	}
	next.cfg = now.cfg.With(read, next.changed)
	next.proxies = proxiesOf(next.cfg.API.TrustedProxies)
	err := errors.Join(next.cfg.Validate(), next.cfg.CheckServe())
	if err != nil {
		return nil, fmt.Errorf("%w: without a restart it doesn't go with what stays until then (%s)", err, strings.Join(next.waiting, ", "))
	}
	if next.def, err = define(next.cfg); err != nil {
		return nil, err
	}
	if err := s.judge(ctx, next); err != nil {
		return nil, err
	}
	if next.changes("api.cert_file", "api.key_file") {
		next.certs, err = cert.OpenFiles(next.cfg.API.CertFile, next.cfg.API.KeyFile, s.log)
		if err != nil {
			return nil, next.cfg.Locate(err)
		}
	}
	if next.changes("log.audit") { // the last, since it has to be closed if it isn't used
		if next.audit, err = s.audit.Prepare(next.cfg.Log.Audit); err != nil {
			return nil, badAudit(next.cfg, err)
		}
	}
	return next, nil
}

// judgeOwnCertificate says what the next start would fail over, while whoever has made the
// change is still there.
func judgeOwnCertificate(read *config.Config, waiting []string) error {
	concerns := func(key string) bool {
		return key == "api.tls" || key == "api.hostname" || strings.HasPrefix(key, "api.acme_")
	}
	if read.API.TLS != "acme" || !slices.ContainsFunc(waiting, concerns) {
		return nil
	}
	def, err := define(read)
	if err != nil {
		return err
	}
	want, err := managed(read, def)
	if err == nil {
		_, err = want.Check()
	}
	return read.Locate(err)
}

// judge says what doesn't go with what is there: accounts, NSD, the certificate's name.
func (s *service) judge(ctx context.Context, next *prepared) error {
	if err := s.refuseConflicts(ctx, next.cfg, next.def); err != nil {
		return err
	}
	if next.cfg.NSD.Publishes() && next.changes(definingKeys...) {
		if err := nsdctl.Readable(ctx, nsdOptions(next.cfg, next.def)); err != nil {
			return next.cfg.Locate(err)
		}
	}
	if next.cfg.API.TLS == "acme" {
		if _, err := managed(next.cfg, next.def); err != nil {
			return next.cfg.Locate(err)
		}
	}
	return nil
}

func (p *prepared) changes(keys ...string) bool {
	return slices.ContainsFunc(p.changed, func(k string) bool { return slices.Contains(keys, k) })
}

// apply puts a prepared configuration in force. The one step that may fail comes first.
func (s *service) apply(ctx context.Context, next *prepared) error {
	if err := s.redefine(ctx, next); err != nil {
		return err
	}
	cfg := next.cfg
	if policy, err := zone.ParseSerialPolicy(cfg.Zone.SerialPolicy); err == nil { // validated before
		s.db.SetRules(store.Rules{Policy: policy, MaxValues: cfg.Zone.MaxValues})
	}
	s.pipeline.Rebound(publish.Bounds{Timeout: time.Duration(cfg.Publish.Timeout), Lifetime: time.Duration(cfg.Zone.ValueLifetime)})
	s.handler.Reconfigure(s.apiOptions(&next.inForce))
	if next.certs != nil {
		s.files.Replace(next.certs)
	}
	if next.changes(roomKeys...) {
		s.giveRoom(cfg)
	}
	if s.dns != nil {
		s.dns.SetRateLimit(rateLimitOf(cfg.DNS))
	}
	if next.audit != nil {
		s.audit.Move(next.audit)
	}
	return nil
}

// redefine puts a definition in force together with a serial of its own, so that no serial
// ever stands for two of them.
func (s *service) redefine(ctx context.Context, next *prepared) error {
	before := s.inForce.Load()
	if !next.changes(definingKeys...) {
		next.def, next.earlier, next.since = before.def, before.earlier, before.since
		s.inForce.Store(&next.inForce)
		return nil
	}
	redefine := func(zone.Serial) {}
	if s.dns != nil {
		var err error
		if redefine, err = s.dns.Prepare(next.def); err != nil {
			return err
		}
	}
	return s.pipeline.CommitThen(ctx, zone.Redefine{}, func(durable *zone.Snapshot) {
		next.earlier, next.since = before.def, durable.Serial()
		redefine(next.since)
		s.inForce.Store(&next.inForce)
	})
}
