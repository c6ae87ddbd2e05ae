package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/miekg/dns"
	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/acmezone/acmezone/internal/check"
	"github.com/acmezone/acmezone/internal/config"
	"github.com/acmezone/acmezone/internal/zone"
	"github.com/acmezone/acmezone/internal/zonegen"
)

func checkCommand(s surroundings) *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "find out live what is wrong, and say what to type",
		ArgsUsage: "[DOMAIN...]",
		Description: "Without DOMAIN it checks the zone (delegation, glue, every name server), NSD, the\n" +
			"service and its certificate, and each domain that has an account; with DOMAIN the\n" +
			"CNAME, CAA and DNSSEC of those. It changes nothing. Exit code 1 means a fault.\n\n" +
			"Examples:\n   acmezone check\n   acmezone check example.com '*.example.net'",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "resolver", Usage: "ask the recursive resolver at that `ADDRESS`, such as 9.9.9.9 or 127.0.0.1:5353", DefaultText: "the first of /etc/resolv.conf"},
			&cli.DurationFlag{Name: "timeout", Usage: "say what is known after that `DURATION`", Value: check.DefaultDeadline},
			jsonFlag(), configFlag(),
		},
		Action: func(c *cli.Context) error { return runCheck(c, s) },
	}
}

func runCheck(c *cli.Context, s surroundings) error {
	cfg, _, err := loadConfig(c, s)
	if err != nil {
		return err
	}
	domains, err := checkedDomains(c.Args().Slice())
	if err != nil {
		return err
	}
	opts, err := checkOptions(cfg)
	if err != nil {
		return err
	}
	if opts.Deadline = c.Duration("timeout"); opts.Deadline <= 0 {
		return usagef("--timeout %v is no time at all: give some, such as 30s", opts.Deadline)
	}
	if opts.Resolver, err = resolverAddress(c.String("resolver")); err != nil {
		return err
	}
	findings := check.Run(c.Context, opts, domains)
	if c.Context.Err() != nil {
		return errors.New("interrupted")
	}
	return report(s, findings, c.Bool("json"))
}

// report prints the findings; faults make an error.
func report(s surroundings, findings []check.Finding, asJSON bool) error {
	var err error
	if asJSON {
		err = check.WriteJSON(s.stdout, findings)
	} else {
		err = check.WriteText(s.stdout, findings, styleFor(s))
	}
	if err != nil {
		return err
	}
	switch n := check.Count(findings, check.Fault); n {
	case 0:
		return nil
	case 1:
		return errors.New("1 fault was found; what to do is said with it")
	default:
		return fmt.Errorf("%d faults were found; what to do is said with each", n)
	}
}

// styleFor has symbols and colours for a terminal only (no-color.org).
func styleFor(s surroundings) check.Style {
	terminal := isTerminal(s.stdout) && s.getenv("TERM") != "dumb"
	return check.Style{Symbols: terminal, Colour: terminal && s.getenv("NO_COLOR") == ""}
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS)
	return err == nil
}

func checkedDomains(args []string) ([]check.Domain, error) {
	var all []check.Domain
	for _, arg := range args {
		name, err := zone.ParseDomain(arg)
		if err != nil {
			return nil, usageError{err}
		}
		all = append(all, check.Domain{Name: name, Wildcard: strings.HasPrefix(strings.TrimSpace(arg), "*.")})
	}
	return all, nil
}

// resolverAddress reads --resolver, or else finds what this machine uses.
func resolverAddress(flag string) (string, error) {
	if flag == "" {
		const file = "/etc/resolv.conf"
		system, err := dns.ClientConfigFromFile(file)
		if err != nil || len(system.Servers) == 0 {
			return "", fmt.Errorf("%s names no resolver: name one with --resolver ADDRESS", file)
		}
		return net.JoinHostPort(system.Servers[0], system.Port), nil
	}
	if addr, err := netip.ParseAddr(flag); err == nil {
		return netip.AddrPortFrom(addr, 53).String(), nil
	}
	at, err := netip.ParseAddrPort(flag)
	if err != nil || at.Port() == 0 {
		return "", usagef("--resolver %q is no address such as 9.9.9.9 or 127.0.0.1:5353", flag)
	}
	return at.String(), nil
}

// checkOptions are what the configuration says that there should be.
func checkOptions(cfg *config.Config) (check.Options, error) {
	def, err := define(cfg)
	if err != nil {
		return check.Options{}, err
	}
	asked := &askedBriefly{cfg, def, make(chan struct{}, 1)}
	opts := check.Options{
		Definition: def, Accounts: asked, CA: cfg.API.ACMEDirectory,
		Service: &check.Service{
			Socket: cfg.Admin.Socket, Serial: asked.serial,
			Hostname: strings.TrimSuffix(cfg.API.Hostname, "."), TLS: cfg.API.TLS, PathPrefix: cfg.API.PathPrefix,
			RootFile: cfg.API.ACMECAFile, SelfSigned: filepath.Join(filepath.Dir(cfg.Store.Path), "self-signed.pem"),
		},
	}
	if len(cfg.API.Listen) > 0 {
		opts.Service.Listen = cfg.API.Listen[0]
	}
	if cfg.NSD != nil {
		opts.AttachZones = cfg.NSD.AttachZones
	}
	if cfg.NSD.Publishes() {
		nsd := nsdOptions(cfg, def)
		opts.NSD = &nsd
	}
	return opts, nil
}

// askedBriefly asks the service, or the database where none runs, one thing at a time.
// The database isn't kept open meanwhile: a service that starts would wait for it.
type askedBriefly struct {
	cfg *config.Config
	def *zone.Definition
	one chan struct{} // holds one at a time
}

func (a *askedBriefly) ask(ctx context.Context, do func(control) error) error {
	// A check makes no database.
	if _, err := os.Stat(a.cfg.Store.Path); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no database %s yet", a.cfg.Store.Path)
	}
	select {
	case a.one <- struct{}{}:
		defer func() { <-a.one }()
	case <-ctx.Done():
		return ctx.Err()
	}
	ctl, err := openControl(ctx, a.cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return errors.Join(do(ctl), ctl.Close())
}

func (a *askedBriefly) FindAccount(ctx context.Context, name string) (account zone.Account, err error) {
	err = a.ask(ctx, func(ctl control) error { account, err = ctl.FindAccount(ctx, name); return err })
	return account, err
}

func (a *askedBriefly) Accounts(ctx context.Context, filter zone.AccountFilter) (page []zone.Account, err error) {
	err = a.ask(ctx, func(ctl control) error { page, err = ctl.Accounts(ctx, filter); return err })
	return page, err
}

// serial reads no more of the zone than its first record.
func (a *askedBriefly) serial(ctx context.Context) (serial zone.Serial, err error) {
	err = a.ask(ctx, func(ctl control) error {
		r, w := io.Pipe()
		var writing sync.WaitGroup
		writing.Go(func() { w.CloseWithError(ctl.WriteZone(ctx, w)) })
		serial, err = zonegen.ReadSerial(r, a.def.Name())
		r.Close() // ends the writing
		writing.Wait()
		return err
	})
	return serial, err
}
