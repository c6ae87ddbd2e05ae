package main

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/acmezone/acmezone/internal/config"
	"github.com/acmezone/acmezone/internal/systemd"
)

func serveCommand(s surroundings) *cli.Command {
	return &cli.Command{
		Name:  "serve",
		Usage: "run the service",
		Description: "With --dev it needs no configuration: it listens on this machine only, on high\n" +
			"ports, keeps a database until it ends, and prints lines to try it with.\n\n" +
			"It takes up a configuration that changes, on SIGHUP as well; SIGTERM and SIGINT stop\n" +
			"it when it has finished what it accepted.\n\nExamples:\n" +
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
			cfg, err := readConfig(configPath(c, s), s)
			if err != nil {
				return err
			}
			return serve(c.Context, cfg, s, func(*service) {})
		},
	}
}

// serve runs a service until ctx is done. Started is called when it
// answers everything that is stored.
func serve(ctx context.Context, cfg *config.Config, s surroundings, started func(*service)) error {
	with, err := s.look(cfg)
	if err != nil {
		return err
	}
	defer with.inherited.Close()
	if err := cfg.CheckServe(); err != nil {
		return usageError{err}
	}
	hangup, ignore := onHangup()
	defer ignore()
	with.hangup = hangup
	svc, err := startService(ctx, cfg, with)
	if err != nil {
		return err
	}
	log := svc.log
	if svc.db.Made() { // at a file system that isn't mounted, nothing else tells of it
		log.Info("there was no database: a new one was made, without any account", "file", cfg.Store.Path)
	}
	svc.warn(svc.inForce.Load())
	stopped := svc.sayStopping(ctx)
	defer stopped()
	err = svc.run(ctx, func() {
		log.Info("ready", "zone", cfg.Zone.Name, "api", svc.apiAddrs(), "tls", cfg.API.TLS, "dns", svc.dnsAddrs(), "admin", svc.probesAddr(), "version", thisVersion().Version)
		started(svc)
	})
	if err == nil {
		log.Info("stopped")
	}
	return err
}

// look finds what a service is started with besides its configuration.
func (s surroundings) look(cfg *config.Config) (startup, error) {
	level := new(slog.LevelVar)
	log, err := newLeveledLogger(s.stderr, cfg, level)
	if err != nil {
		return startup{}, err
	}
	manager, err := systemd.Find(log)
	if err != nil {
		return startup{}, err
	}
	inherited, err := systemd.Inherit()
	if err != nil {
		return startup{}, usageError{err}
	}
	return startup{log: log, level: level, environ: s.environ, inherited: inherited, manager: manager}, nil
}

// startService is newService for as long as that takes: a big database, a migration or a
// command that works on the database don't make the service manager give up.
func startService(ctx context.Context, cfg *config.Config, with startup) (*service, error) {
	starting, started := context.WithCancel(ctx)
	var extending sync.WaitGroup
	extending.Go(func() { with.manager.Extend(starting, mostStart) })
	defer extending.Wait()
	defer started()
	with.manager.Status("opening the database")
	svc, err := newService(ctx, cfg, with)
	if err != nil {
		with.manager.Status("it can't start: " + err.Error()) // which outlives the process
	}
	return svc, err
}

// onHangup asks for SIGHUP to be told, until ignore is called.
func onHangup() (hangup <-chan os.Signal, ignore func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	return signals, func() { signal.Stop(signals) }
}

// warn says what is allowed in a configuration and yet hardly meant.
func (s *service) warn(now *inForce) {
	for _, warning := range now.cfg.Warnings() {
		s.log.Warn(warning)
	}
	for _, host := range now.def.NameserversWithoutAddress() {
		s.log.Warn("a name server in the zone has no address there, so the parent can't delegate to it: add an A or AAAA record to zone.records", "nameserver", host)
	}
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
	// The terminal that it was tried in may be closed.
	ctx, restore := signal.NotifyContext(c.Context, syscall.SIGHUP)
	defer restore()
	return serve(ctx, cfg, s, func(svc *service) {
		log := svc.log
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
	return newLeveledLogger(w, cfg, new(slog.LevelVar))
}

// newLeveledLogger sets the level to that of the configuration; it may change later.
func newLeveledLogger(w io.Writer, cfg *config.Config, level *slog.LevelVar) (*slog.Logger, error) {
	if err := level.UnmarshalText([]byte(cfg.Log.Level)); err != nil {
		return nil, usagef("log.level: %w", err)
	}
	opts := &slog.HandlerOptions{Level: level}
	if cfg.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts)), nil
	}
	return slog.New(slog.NewTextHandler(w, opts)), nil
}
