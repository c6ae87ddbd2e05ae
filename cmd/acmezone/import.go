package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/acmezone/acmezone/internal/acmedns"
	"github.com/acmezone/acmezone/internal/api"
	"github.com/acmezone/acmezone/internal/client"
	"github.com/acmezone/acmezone/internal/config"
	"github.com/acmezone/acmezone/internal/zone"
)

func importCommand(s surroundings) *cli.Command {
	return &cli.Command{
		Name:      "import",
		Usage:     "take over an acme-dns database with its accounts, values and passwords",
		ArgsUsage: "SOURCE",
		Description: "SOURCE is acme-dns' database (SQLite), a postgres:// URL, or its config.cfg, which\n" +
			"names either. It is only read, and may be in use; updates there wait meanwhile.\n" +
			"Clients notice nothing: their user names, passwords and names stay. The same again\n" +
			"takes over what has come since.\n\n" +
			"SOURCE may also be a folder with records.csv and txt.csv, which psql writes with\n" +
			"   \\copy records TO 'records.csv' CSV HEADER\n" +
			"   \\copy txt TO 'txt.csv' CSV HEADER\n\nExamples:\n" +
			"   acmezone import /var/lib/acme-dns/acme-dns.db --dry-run\n" +
			"   acmezone import postgres://acmedns:PASSWORD@localhost/acmedns\n" +
			"   acmezone import /etc/acme-dns/config.cfg --print-config > acmezone.toml",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "dry-run", Usage: "say what would be taken over, and change nothing", DisableDefaultText: true},
			&cli.BoolFlag{Name: "print-config", Usage: "print acmezone's configuration in the place of acme-dns' config.cfg, and import nothing", DisableDefaultText: true},
			jsonFlag(), configFlag(),
		},
		Action: func(c *cli.Context) error {
			if c.Args().Len() != 1 {
				return usagef("'import' takes one SOURCE, but was given %d; see 'acmezone import --help'", c.Args().Len())
			}
			if c.Bool("print-config") {
				return printEquivalent(c, s)
			}
			return importSource(c, s)
		},
	}
}

func printEquivalent(c *cli.Context, s surroundings) error {
	theirs, err := acmedns.ReadConfig(c.Args().First())
	if err != nil {
		return fmt.Errorf("--print-config reads acme-dns' config.cfg: %w", err)
	}
	if c.Bool("json") {
		return json.NewEncoder(s.stdout).Encode(map[string]string{"config": theirs.Equivalent()})
	}
	_, err = io.WriteString(s.stdout, theirs.Equivalent())
	return err
}

// imported is what there is to say of an import.
type imported struct {
	Source string   `json:"source"`
	DryRun bool     `json:"dry_run"`
	Notes  []string `json:"notes"`
	acmedns.Summary
	zone.ImportResult
	Odd []string `json:"odd"` // of both
}

func importSource(c *cli.Context, s surroundings) (err error) {
	cfg, log, err := loadConfig(c, s)
	if err != nil {
		return err
	}
	source, err := acmedns.Open(c.Context, c.Args().First())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	total, err := source.Count(c.Context)
	if err != nil {
		return err
	}
	ctl, err := openControl(c.Context, cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ctl.Close()) }()
	if _, running := ctl.(*client.Client); running && total > api.MaxImport {
		return fmt.Errorf("%d accounts would keep updates waiting: stop the service, import, and start it again (up to %d are taken over while it runs)", total, api.MaxImport)
	}
	done := imported{Source: source.Name, DryRun: c.Bool("dry-run"), Notes: append([]string{}, notes(source, cfg)...)}
	rows := withProgress(s.stderr, source.Rows(c.Context, &done.Summary), total)
	if done.ImportResult, err = ctl.Import(c.Context, rows, done.DryRun); err != nil {
		return interruptedImport(c, err)
	}
	done.Odd = append(append([]string{}, done.Summary.Odd...), done.ImportResult.Odd...)
	done.Skipped += done.Unusable
	return done.print(c, s)
}

// interruptedImport says what is known after Ctrl-C: a service that has all rows takes
// them over, whoever waits.
func interruptedImport(c *cli.Context, err error) error {
	switch {
	case !errors.Is(err, context.Canceled) && !errors.Is(err, context.Cause(c.Context)):
		return err
	case errors.Is(err, zone.ErrSource):
		return errors.New("interrupted: nothing was imported")
	}
	return errors.New("interrupted: the service may import the accounts all the same; the same command again says which are there")
}

// notes is what the operator should know before anything else.
func notes(source *acmedns.Source, cfg *config.Config) []string {
	all := source.Notes
	if source.Config == nil {
		return all
	}
	theirs, ours := strings.ToLower(strings.Trim(source.Config.General.Domain, ".")), strings.ToLower(strings.Trim(cfg.Zone.Name, "."))
	if theirs != ours {
		all = append(all, fmt.Sprintf("acme-dns serves %s, and zone.name is %s: CNAMEs that point to the former aren't answered here", theirs, ours))
	}
	return all
}

// tooMany is how many odd rows make it doubtful that this is the right database.
const tooMany = 10_000

func (d *imported) print(c *cli.Context, s surroundings) error {
	if len(d.Odd) > tooMany {
		d.Notes = append(d.Notes, fmt.Sprintf("%d rows are odd: is it the right database?", len(d.Odd)))
	}
	if c.Bool("json") {
		return json.NewEncoder(s.stdout).Encode(d)
	}
	for _, note := range d.Notes {
		fmt.Fprintln(s.stderr, "note:", note)
	}
	var text strings.Builder
	d.write(&text)
	_, err := io.WriteString(s.stdout, text.String())
	return err
}

func (d *imported) write(w io.Writer) {
	for _, odd := range d.Odd {
		fmt.Fprintln(w, odd)
	}
	fmt.Fprintf(w, "%s: %d accounts, %d open to every address, %d never used\n", d.Source, d.Accounts, d.Open, d.NeverUsed)
	if !d.Oldest.IsZero() {
		fmt.Fprintf(w, "last updates: from %s to %s\n", d.Oldest.UTC().Format(time.RFC3339), d.Newest.UTC().Format(time.RFC3339))
	}
	fmt.Fprintf(w, "allow lists with invalid entries: %d\n", d.BadLists)
	fmt.Fprintf(w, "values: %d taken over, %d older than value_lifetime\n", d.Values, d.TooOld)
	fmt.Fprintf(w, "accounts: %d new, %d already there, %d skipped\n", d.New, d.Present, d.Skipped)
	if d.DryRun {
		fmt.Fprintln(w, "dry run: nothing was changed")
	}
}
