package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"github.com/acmezone/acmezone/internal/api"
	"github.com/acmezone/acmezone/internal/audit"
	"github.com/acmezone/acmezone/internal/config"
	"github.com/acmezone/acmezone/internal/metrics"
	"github.com/acmezone/acmezone/internal/nsdctl"
	"github.com/acmezone/acmezone/internal/publish"
	"github.com/acmezone/acmezone/internal/zone"
)

// What others see of the service: metrics and probes at admin.listen, and the audit log.

// listenProbes binds admin.listen. Without it nobody could read metrics, so none are
// counted.
func (s *service) listenProbes(ctx context.Context) (err error) {
	if s.cfg.Admin.Listen == "" {
		return nil
	}
	if s.probes, err = listenTCP(ctx, s.cfg.Admin.Listen); err != nil {
		return withHint(fmt.Errorf("admin.listen: %w", err))
	}
	version := thisVersion()
	s.metrics = metrics.New(metrics.Build{Version: version.Version, Commit: version.Commit}, s.sources())
	return nil
}

// sources are what metrics are read from, of the parts that this service has.
func (s *service) sources() metrics.Sources {
	all := metrics.Sources{
		Pipeline: func() publish.Stats { return s.pipeline.Stats() }, Degraded: s.Degraded, Database: s.cfg.Store.Path,
		HTTP: s.clients.Stats, Audit: s.audit.Stats,
	}
	all.Config = func() metrics.ConfigStatus {
		return metrics.ConfigStatus{Refused: s.refused.Load() != nil, Waiting: len(s.waitingKeys())}
	}
	if s.cfg.NSD.Publishes() {
		all.Servers = func() []nsdctl.ServerStatus { return s.nsd.Servers() }
	}
	if s.dns != nil {
		all.DNS = s.dns.Stats
	}
	if s.cfg.API.TLS != "off" {
		all.Certificate = func() zone.CertificateStatus { return s.cert.Status() }
	}
	return all
}

// observers are the metrics as the interfaces that others count with, nil where there are
// none.
func (s *service) observers() (api.Observer, publish.Observer) {
	if s.metrics == nil {
		return nil, nil
	}
	return s.metrics, s.metrics
}

// serveProbes answers at admin.listen.
func (s *service) serveProbes(ctx context.Context) error {
	addr, ok := s.probes.Addr().(*net.TCPAddr)
	handler := api.NewProbes(api.ProbeOptions{Service: s, Metrics: s.metrics.Handler(), Loopback: ok && addr.IP.IsLoopback()})
	return api.ServeProbes(ctx, s.probes, handler, s.log)
}

// Live returns nil unless a restart would mend what is wrong.
func (s *service) Live(ctx context.Context) error { return s.selfTest(ctx) }

// errStopping and errStarting: there is no API to be reached, soon or already.
var (
	errStarting = errors.New("the service is starting: what is stored is not published yet")
	errStopping = errors.New("the service is stopping")
)

// Ready returns nil while requests are served and everything that was stored at the
// start has been published.
func (s *service) Ready(context.Context) error {
	if s.stopping.Load() {
		return errStopping
	}
	select {
	case <-s.pipeline.Ready():
		return nil
	default:
	}
	if fault := s.pipeline.Fault(); fault != nil {
		return fault
	}
	return errStarting
}

// Health returns nil while the service does its work, else the reason.
func (s *service) Health(ctx context.Context) error { return s.pipeline.Health(ctx) }

// Degraded says what the service does without although it does its work.
func (s *service) Degraded() []string { return s.apiChanges().Degraded() }

func (s *service) openAudit(context.Context) (err error) {
	s.audit, err = openAudit(s.cfg, s.log)
	return err
}

// openAudit opens the audit log, or one that drops everything where none is wanted. That it
// can't be written is the operator's to mend, before anything is changed.
func openAudit(cfg *config.Config, log *slog.Logger) (*audit.Log, error) {
	l, err := audit.Open(audit.Options{Path: cfg.Log.Audit, Database: cfg.Store.Path, Log: log})
	if err != nil {
		return nil, badAudit(cfg, err)
	}
	return l, nil
}

func badAudit(cfg *config.Config, err error) error {
	return usageError{cfg.Locate(fmt.Errorf("log.audit: %w", err))}
}

// checkAuditFolder makes no file, as opening the log would: whoever checks a configuration
// may be another user than the service is.
func checkAuditFolder(cfg *config.Config) error {
	if cfg.Log.Audit == "" {
		return nil
	}
	if _, err := os.Stat(filepath.Dir(cfg.Log.Audit)); err != nil {
		return usageError{cfg.Locate(fmt.Errorf("log.audit: %w: make its folder, for the user that the service runs as", err))}
	}
	return nil
}
