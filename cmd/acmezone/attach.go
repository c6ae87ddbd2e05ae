package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/acmezone/acmezone/internal/api"
	"github.com/acmezone/acmezone/internal/attach"
	"github.com/acmezone/acmezone/internal/audit"
	"github.com/acmezone/acmezone/internal/config"
	"github.com/acmezone/acmezone/internal/nsdctl"
	"github.com/acmezone/acmezone/internal/zone"
)

func attachCommand(s surroundings) *cli.Command {
	return &cli.Command{
		Name:      "attach",
		Usage:     "put the _acme-challenge CNAMEs of domains into their zones in NSD",
		ArgsUsage: "DOMAIN...",
		Description: "The zones are those of nsd.attach_zones, whose files others keep by hand. A domain\n" +
			"that has no account yet is registered first. The zone file gets one $INCLUDE line, and\n" +
			"with nsd.attach_mode = \"inline\" the CNAMEs themselves; its SOA serial goes on in its own\n" +
			"style, by its digits alone. NSD's checker reads the result before NSD does, and it is\n" +
			"proved that NSD and its secondaries answer it. What isn't certain is refused. Twice is\n" +
			"the same as once. '-' reads domains from standard input. Run it as root.\n\n" +
			"Examples:\n" +
			"   acmezone attach www.example.com --dry-run\n" +
			"   acmezone attach example.com www.example.com --storage acmedns.json\n" +
			"   acmezone attach example.com --patch | git -C /srv/zones apply",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "storage", Usage: "add the credentials of new accounts to `FILE`, the JSON map that lego, Traefik, Caddy and others read"},
			&cli.StringFlag{Name: "comment", Usage: "a `TEXT` to know new accounts by"},
		}, editFlags()...),
		Before: checkEditFlags,
		Action: func(c *cli.Context) error { return attachDomains(c, s) },
	}
}

func detachCommand(s surroundings) *cli.Command {
	return &cli.Command{
		Name:      "detach",
		Usage:     "take the _acme-challenge CNAMEs of domains out of their zones in NSD again",
		ArgsUsage: "DOMAIN...",
		Description: "It takes out what 'acmezone attach' has put in, and nothing else. The account of a\n" +
			"domain stays. '-' reads domains from standard input. Run it as root.\n\n" +
			"Examples:\n" +
			"   acmezone detach www.example.com --dry-run\n" +
			"   acmezone detach www.example.com",
		Flags:  editFlags(),
		Before: checkEditFlags,
		Action: func(c *cli.Context) error { return detachDomains(c, s) },
	}
}

// editFlags are those of both.
func editFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "dry-run", Usage: "show what would be changed, and change nothing", DisableDefaultText: true},
		&cli.BoolFlag{Name: "patch", Usage: "change nothing in the zones, and print a patch for the repository that they are deployed from, for 'git apply' or 'patch -p1'", DisableDefaultText: true},
		jsonFlag(), configFlag(),
	}
}

func checkEditFlags(c *cli.Context) error {
	switch {
	case !c.Args().Present():
		return usagef("which domain? '%s www.example.com'", c.Command.HelpName)
	case c.Bool("dry-run") && c.Bool("patch"):
		return usagef("--dry-run and --patch: leave one of them out")
	case c.Bool("json") && c.Bool("patch"):
		return usagef("--json and --patch: leave one of them out")
	case c.IsSet("storage") && c.String("storage") == "":
		return usagef("--storage: name a file")
	}
	return nil
}

// newEditor returns what edits the zones of the configuration.
func newEditor(cfg *config.Config) (*attach.Editor, error) {
	if cfg.NSD == nil {
		return nil, usagef("the configuration has no section [nsd], whose attach_zones names the zones that may be edited; 'acmezone cname' prints the CNAME for others")
	}
	n := cfg.NSD
	if len(n.AttachZones) == 0 {
		return nil, usagef("nsd.attach_zones is empty: name the zones there that may be edited; 'acmezone cname' prints the CNAME for others")
	}
	return &attach.Editor{
		NSD:   nsdctl.Server{Config: n.Config, Control: n.Control, ControlCommand: n.ControlCommand},
		Zones: n.AttachZones, SnippetDir: n.SnippetDir, Inline: n.AttachMode == "inline",
		Apex: cfg.Zone.Name, SkipSilent: cfg.Publish.Unreachable == "skip",
	}, nil
}

// attacher is what the API has CNAMEs installed by, nil where no zone may be edited. The
// service itself has no right to write customers' zones: the helper does it.
func attacher(cfg *config.Config) api.Attacher {
	if cfg.NSD == nil || len(cfg.NSD.AttachZones) == 0 {
		return nil
	}
	return attach.Dial(cfg.NSD.AttachSocket)
}

// openEdit reads what both commands need. Patches hold the CNAMEs themselves: a snippet
// is in nobody's repository.
func openEdit(c *cli.Context, s surroundings) (*attach.Editor, []string, error) {
	domains, err := domainArguments(c, s.stdin)
	if err != nil {
		return nil, nil, err
	}
	cfg, log, err := loadConfig(c, s)
	if err != nil {
		return nil, nil, err
	}
	editor, err := newEditor(cfg)
	if err != nil {
		return nil, nil, err
	}
	for _, domain := range domains {
		if err := editor.Covers(domain); err != nil {
			return nil, nil, err
		}
	}
	editor.DryRun = c.Bool("dry-run") || c.Bool("patch")
	editor.Inline = editor.Inline || c.Bool("patch")
	if !editor.DryRun {
		editor.Who, editor.Via = audit.Self(), audit.ViaCommand
		editor.Audit, err = openAudit(cfg, log)
	}
	return editor, domains, err
}

func attachDomains(c *cli.Context, s surroundings) error {
	editor, domains, err := openEdit(c, s)
	if err != nil {
		return err
	}
	defer editor.Audit.Close() // nothing is buffered
	bindings, err := bindingsOf(c, s, editor, domains)
	if err != nil {
		return err
	}
	results, err := editor.AttachAll(c.Context, bindings)
	return errors.Join(err, printEdits(c, s, "attached", results))
}

func detachDomains(c *cli.Context, s surroundings) error {
	editor, domains, err := openEdit(c, s)
	if err != nil {
		return err
	}
	defer editor.Audit.Close() // nothing is buffered
	results, err := editor.DetachAll(c.Context, domains)
	if err == nil && c.Bool("patch") {
		err = inSnippet(results)
	}
	if err != nil && c.Bool("patch") {
		return err
	}
	return errors.Join(err, printEdits(c, s, "detached", results))
}

// inSnippet refuses a patch that would leave the CNAME where it is.
func inSnippet(results []attach.Result) error {
	for _, r := range results {
		for _, change := range r.Changes {
			if change.Snippet && change.New != nil {
				return fmt.Errorf("what is to go is in %s, which is in no repository: leave --patch out", change.Path)
			}
		}
	}
	return nil
}

// bindingsOf returns where the domains' CNAMEs are to lead. Domains without an account get
// one, but nobody is registered whose CNAME would be refused.
func bindingsOf(c *cli.Context, s surroundings, editor *attach.Editor, domains []string) (all []attach.Binding, err error) {
	n, err := openCNAMEs(c, s, recordStyle{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, n.control.Close()) }()
	all, missing, err := n.targets(c.Context, domains)
	if err != nil || len(missing) == 0 {
		return all, err
	}
	trial := *editor
	trial.DryRun = true
	if _, err := trial.AttachAll(c.Context, all); err != nil {
		return nil, err
	}
	if c.Bool("dry-run") {
		for _, domain := range missing {
			fmt.Fprintf(s.stderr, "%s has no account yet: it will get one, and the name in its CNAME will be another\n", domain)
		}
		return all, nil
	}
	if _, _, err := n.enrollEach(c, missing); err != nil {
		return nil, err
	}
	all, _, err = n.targets(c.Context, domains)
	return all, err
}

// targets looks up where domains lead; those without an account get a name that nobody
// has, and are returned as missing.
func (n *cnames) targets(ctx context.Context, domains []string) (all []attach.Binding, missing []string, err error) {
	for _, domain := range domains {
		account, _, err := n.directory.find(ctx, domain)
		target := account.FullDomain
		if errors.Is(err, zone.ErrNoAccount) {
			var new credentials
			if new, err = n.directory.prepare(ctx, domain); err == nil {
				target, missing = new.FullDomain, append(missing, domain)
			}
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", domain, err)
		}
		all = append(all, attach.Binding{Domain: domain, Target: target})
	}
	return all, missing, nil
}
