package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/acmezone/acmezone/internal/zone"
)

// accountsPage is how many accounts are asked for at a time: there may be a million.
const accountsPage = 500

func accountListCommand(s surroundings) *cli.Command {
	return &cli.Command{
		Name:  "list",
		Usage: "list the accounts, in the order of their user names",
		Description: "An update is noted once an hour. An account that was not used yet was never\n" +
			"updated; --idle goes by when it was made then. Over --server there are the accounts\n" +
			"whose domains were bound with the token, and no filters but --bound, --limit, --after.\n\nExamples:\n" +
			"   acmezone account list --search example.org\n" +
			"   acmezone account list --idle 60d --json",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "search", Usage: "those with `TEXT` in a domain, the user name, the subdomain or the comment"},
			&cli.StringFlag{Name: "made-with", Usage: "those that were made with the token of that `ID`"},
			&cli.StringFlag{Name: "idle", Usage: "those not renewed for that long, a `DURATION` such as 60d or 12h"},
			&cli.BoolFlag{Name: "bound", Usage: "those that a domain is bound to", DisableDefaultText: true},
			&cli.IntFlag{Name: "limit", Usage: "`N` of them at the most", DefaultText: "all"},
			&cli.StringFlag{Name: "after", Usage: "those after that `USERNAME`, to go on where --limit stopped"},
			jsonFlag(), configFlag(),
		}, serverFlags()...),
		Before: noArguments,
		Action: func(c *cli.Context) error { return listAccounts(c, s) },
	}
}

func listAccounts(c *cli.Context, s surroundings) error {
	filter, err := accountFilter(c)
	if err != nil {
		return err
	}
	return withControl(c, s, func(ctl control) error {
		pages := accountPages(c.Context, ctl, filter, c.Int("limit"))
		if c.Bool("json") {
			return encodeAccounts(s.stdout, pages)
		}
		return printAccounts(s, pages, c.Int("limit"))
	})
}

func accountFilter(c *cli.Context) (zone.AccountFilter, error) {
	filter := zone.AccountFilter{
		Containing: c.String("search"), Token: c.String("made-with"), Bound: c.Bool("bound"), After: strings.ToLower(c.String("after")),
	}
	if c.IsSet("idle") {
		idle, err := parseLifetime("--idle", c.String("idle"))
		if err != nil {
			return filter, err
		}
		filter.IdleSince = time.Now().Add(-idle)
	}
	if c.IsSet("limit") && c.Int("limit") < 1 {
		return filter, usagef("--limit %d: at least one", c.Int("limit"))
	}
	return filter, nil
}

// accountPages yields the accounts that a filter means, a page at a time, up to limit
// of them if it isn't 0.
func accountPages(ctx context.Context, ctl control, filter zone.AccountFilter, limit int) iter.Seq2[[]zone.Account, error] {
	return func(yield func([]zone.Account, error) bool) {
		for left := limit; limit == 0 || left > 0; {
			filter.Limit = accountsPage
			if limit > 0 {
				filter.Limit = min(accountsPage, left)
			}
			page, err := ctl.Accounts(ctx, filter)
			if limit > 0 && len(page) > left {
				page = page[:left]
			}
			if !yield(page, err) || err != nil || len(page) < filter.Limit {
				return
			}
			left -= len(page)
			filter.After = page[len(page)-1].Username
		}
	}
}

// encodeAccounts writes one JSON array, an account a line. After an error it isn't
// closed, so that nobody takes it for the whole.
func encodeAccounts(w io.Writer, pages iter.Seq2[[]zone.Account, error]) error {
	out, before := bufio.NewWriter(w), "["
	for page, err := range pages {
		if err != nil {
			return err
		}
		for _, a := range page {
			text, err := json.Marshal(viewOf(a))
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "%s\n%s", before, text)
			before = ","
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
	if before == "[" {
		fmt.Fprintln(out, "[]")
	} else {
		fmt.Fprintln(out, "\n]")
	}
	return out.Flush()
}

// printAccounts writes a table, a page at a time. No column of times is narrower than a
// date, and what is as wide as it likes comes last, so that pages stand below one another.
func printAccounts(s surroundings, pages iter.Seq2[[]zone.Account, error], limit int) error {
	out := bufio.NewWriter(s.stdout) // a table is written cell by cell
	table := tabwriter.NewWriter(out, len(time.DateOnly)+2, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SUBDOMAIN\tCREATED\tUPDATED\tDOMAINS\tCOMMENT")
	count, last := 0, ""
	for page, err := range pages {
		if err != nil {
			return err
		}
		for _, a := range page {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n",
				a.Subdomain, dayText(a.Created, "unknown"), dayText(a.Updated, "never"), shortList(a.Domains, "none"), plain(a.Comment))
			count, last = count+1, a.Username
		}
		if err := errors.Join(table.Flush(), out.Flush()); err != nil {
			return err
		}
	}
	if limit > 0 && count == limit {
		fmt.Fprintf(s.stderr, "There may be more: go on with --after %s\n", last)
	}
	return nil
}

// dayText is exact enough for a table; JSON has the time.
func dayText(t time.Time, none string) string {
	if t.IsZero() {
		return none
	}
	return t.UTC().Format(time.DateOnly)
}

// shortList shows what has room in a table: two entries, and how many more there are.
func shortList(entries []string, none string) string {
	const room = 2
	switch {
	case len(entries) == 0:
		return none
	case len(entries) <= room:
		return strings.Join(entries, ", ")
	}
	return fmt.Sprintf("%s, and %d more", strings.Join(entries[:room], ", "), len(entries)-room)
}

// plain keeps what would break a table, or steer a terminal, out of it.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, text)
}
