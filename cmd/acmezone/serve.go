package main

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/acmezone/acmezone/internal/config"
)

func serveCommand(s surroundings) *cli.Command {
	return &cli.Command{
		Name:  "serve",
		Usage: "run the service",
		Description: "With --dev it needs no configuration: it listens on this machine only, on high\n" +
			"ports, keeps a database until it ends, and prints lines to try it with.\n\nExamples:\n" +
			"   acmezone serve --dev\n" +
			"   acmezone serve --config /etc/acmezone/acmezone.toml",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "dev", Usage: "try it out, without a configuration", DisableDefaultText: true},
			configFlag(),
		},
		Before: noArguments,
		Action: func(c *cli.Context) error {
			if c.Bool("dev") {
				return serveDev(c, s)
			}
			cfg, log, err := loadConfig(c, s)
			if err != nil {
				return err
			}
			return serve(c.Context, cfg, log, func(*service) {})
		},
	}
}

// serve runs a service until ctx is done. Started is called when it
// answers everything that is stored.
func serve(ctx context.Context, cfg *config.Config, log *slog.Logger, started func(*service)) error {
	if err := cfg.CheckServe(); err != nil {
		return usageError{err}
	}
	svc, err := newService(ctx, cfg, log)
	if err != nil {
		return err
	}
	for _, warning := range cfg.Warnings() {
		log.Warn(warning)
	}
	for _, host := range svc.def.NameserversWithoutAddress() {
		log.Warn("a name server in the zone has no address there, so the parent can't delegate to it: add an A or AAAA record to zone.records", "nameserver", host)
	}
	context.AfterFunc(ctx, func() { log.Info("stopping: finishing what was accepted") })
	err = svc.run(ctx, func() {
		log.Info("ready", "zone", cfg.Zone.Name, "api", svc.apiAddrs(), "tls", cfg.API.TLS, "dns", svc.dnsAddrs(), "admin", svc.probesAddr(), "version", thisVersion().Version)
		started(svc)
	})
	if err == nil {
		log.Info("stopped")
	}
	return err
}

func (s *service) apiAddrs() []string {
	var addrs []string
	for _, l := range s.api {
		addrs = append(addrs, l.Addr().String())
	}
	return addrs
}

// probesAddr is where metrics are, "" where nobody asked for them.
func (s *service) probesAddr() string {
	if s.probes == nil {
		return ""
	}
	return s.probes.Addr().String()
}

func (s *service) dnsAddrs() []netip.AddrPort {
	if s.dns == nil {
		return nil
	}
	return s.dns.Addrs()
}

// serveDev runs a service that leaves nothing behind.
func serveDev(c *cli.Context, s surroundings) error {
	if c.IsSet("config") {
		return usagef("--dev takes no --config: it is for trying acmezone without one")
	}
	dir, err := os.MkdirTemp("", "acmezone-dev-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cfg, err := config.Dev(dir, s.environ)
	if err != nil {
		return usageError{err}
	}
	if err := avoidTakenPorts(c.Context, cfg); err != nil {
		return err
	}
	log, err := newLogger(s.stderr, cfg)
	if err != nil {
		return err
	}
	return serve(c.Context, cfg, log, func(svc *service) {
		file := filepath.Join(dir, "acmezone.toml")
		if err := writeConfig(file, cfg); err != nil {
			log.Warn("the configuration for other commands could not be written", "err", err)
		}
		if err := printTryOut(c.Context, s.stdout, svc, os.Args[0], file); err != nil {
			log.Warn("the lines to try it with could not be made", "err", err)
		}
	})
}

func writeConfig(path string, cfg *config.Config) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	return cfg.WriteTOML(f)
}

func newLogger(w io.Writer, cfg *config.Config) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.Log.Level)); err != nil {
		return nil, usagef("log.level: %w", err)
	}
	opts := &slog.HandlerOptions{Level: level}
	if cfg.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts)), nil
	}
	return slog.New(slog.NewTextHandler(w, opts)), nil
}
