package main

import (
	"errors"
	"io"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/acmezone/acmezone/internal/config"
	"github.com/acmezone/acmezone/internal/zone"
	"github.com/acmezone/acmezone/templates"
)

func cnameCommand(s surroundings) *cli.Command {
	return &cli.Command{
		Name:      "cname",
		Usage:     "print the _acme-challenge CNAMEs of domains, and register those that have no account yet",
		ArgsUsage: "DOMAIN...",
		Description: "A domain and its wildcard share one CNAME. '-' reads domains from standard input,\n" +
			"one a line. The credentials of a new account are printed once, on standard error,\n" +
			"unless --storage or --format says where they go.\n\n" +
			"Examples:\n" +
			"   acmezone cname example.org --storage acmedns.json\n" +
			"   acmezone cname example.org --format acme.sh\n" +
			"   acmezone cname example.org --account-uri https://acme-v02.api.letsencrypt.org/acme/acct/1234567890\n" +
			"   acmezone cname --all --json",
		Flags: slices.Concat([]cli.Flag{
			&cli.BoolFlag{Name: "all", Usage: "every domain that is bound to an account", DisableDefaultText: true},
			&cli.BoolFlag{Name: "relative", Usage: "owners for use inside the domain's own zone file, or that of --zone", DisableDefaultText: true},
			&cli.StringFlag{Name: "zone", Usage: "with --relative: relative to that `ZONE`", DefaultText: "the zone of nsd.attach_zones that the domain lies in, else the domain itself"},
			&cli.StringFlag{Name: "account", Usage: "bind the domains to the account `NAME`, which exists: a domain, user name, subdomain or full name"},
			&cli.StringFlag{Name: "comment", Usage: "a `TEXT` to know new accounts by"},
			&cli.StringFlag{Name: "account-uri", Usage: "print CAA records as well that let nobody but the ACME account of that `URI` have certificates (RFC 8657), and the name for dns-account-01"},
			&cli.StringFlag{Name: "issuer", Usage: "with --account-uri: the CA's `NAME` in CAA records", DefaultText: "known from the URI"},
		}, credentialFlags("new accounts"), serverFlags(), []cli.Flag{jsonFlag(), configFlag()}),
		Before: checkCnameFlags,
		Action: func(c *cli.Context) error { return printCNAMEs(c, s) },
	}
}

func checkCnameFlags(c *cli.Context) error {
	switch {
	case c.Bool("all") && c.Args().Present():
		return usagef("--all and domains: leave one of them out")
	case !c.Bool("all") && !c.Args().Present():
		return usagef("for which domain? 'acmezone cname example.org', or --all for those that are registered")
	case c.IsSet("zone") && !c.Bool("relative"):
		return usagef("--zone goes with --relative")
	case c.IsSet("issuer") && !c.IsSet("account-uri"):
		return usagef("--issuer goes with --account-uri")
	case c.IsSet("account") && (c.IsSet("storage") || c.IsSet("format") || c.IsSet("comment")):
		return usagef("--account makes no account, so there are no credentials and no comment: leave --storage, --format and --comment out")
	}
	return checkCredentialFlags(c)
}

// cnames is what the command does, once for a command line.
type cnames struct {
	directory directory
	control   control // of --account and --all
	records   recordStyle
	set       *templates.Set
	stdout    io.Writer
	stderr    io.Writer
}

// printed is a domain's account, and whether it is new.
type printed struct {
	domain   string
	account  zone.Account
	created  bool
	attached bool
}

func printCNAMEs(c *cli.Context, s surroundings) (err error) {
	style, err := newRecordStyle(c)
	if err != nil {
		return err
	}
	domains, err := domainArguments(c, s.stdin)
	if err != nil {
		return err
	}
	n, err := openCNAMEs(c, s, style)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.control.Close()) }()
	var all []printed
	switch {
	case c.Bool("all"):
		all, err = n.everyDomain(c.Context)
	case c.IsSet("account"):
		all, err = n.bindAll(c.Context, domains, c.String("account"))
	default:
		return n.enrollAll(c, domains)
	}
	return errors.Join(err, n.print(c, all, nil))
}

// openCNAMEs takes the way that the command line says.
func openCNAMEs(c *cli.Context, s surroundings, style recordStyle) (*cnames, error) {
	n := &cnames{records: style, set: templates.Embedded(), stdout: s.stdout, stderr: s.stderr}
	remote, err := remoteOf(c, s)
	if err != nil {
		return nil, err
	}
	if remote != nil {
		n.directory, n.control = there{remote}, remote
		return n, nil
	}
	cfg, log, err := loadConfig(c, s)
	if err != nil {
		return nil, err
	}
	def, err := define(cfg)
	if err != nil {
		return nil, err
	}
	if n.set, err = loadTemplates(cfg); err != nil {
		return nil, err
	}
	n.records.configured(cfg)
	if n.control, err = openControl(c.Context, cfg, log); err != nil {
		return nil, err
	}
	n.directory = here{n.control, def, apiURL(cfg)}
	return n, nil
}

// configured takes from the configuration what the command line leaves open.
func (r *recordStyle) configured(cfg *config.Config) {
	r.ttl = uint32(time.Duration(cfg.Zone.TTL).Seconds())
	if cfg.NSD != nil {
		r.zones = append(r.zones, cfg.NSD.AttachZones...)
	}
}
