package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/acmezone/acmezone/internal/client"
	"github.com/acmezone/acmezone/internal/zone"
)

func accountShowCommand(s surroundings) *cli.Command {
	return &cli.Command{
		Name:      "show",
		Usage:     "show all that is known of accounts",
		ArgsUsage: "NAME...",
		Description: "NAME is a domain that is bound to the account, its subdomain, its full name or its\n" +
			"user name.\n\nExamples:\n" +
			"   acmezone account show example.org\n" +
			"   acmezone account show example.org --json",
		Flags:  append(serverFlags(), jsonFlag(), configFlag()),
		Before: takesNames,
		Action: func(c *cli.Context) error { return showAccounts(c, s) },
	}
}

// shownAccount is accountView with what is set at its name now.
type shownAccount struct {
	accountView
	CNAMEs []string    `json:"cnames"` // zone-file lines, one for each domain
	Values []valueView `json:"values"` // oldest first; null: not known, over --server
}

// valueView is a TXT value in JSON.
type valueView struct {
	Text string    `json:"txt"`
	Set  time.Time `json:"set"`
}

func viewOfValues(values []zone.Value) []valueView {
	all := []valueView{}
	for _, v := range values {
		all = append(all, valueView{v.Text, time.Unix(v.SetAt, 0).UTC()})
	}
	return all
}

func showAccounts(c *cli.Context, s surroundings) error {
	return withControl(c, s, func(ctl control) error {
		accounts, missing := findAccounts(c.Context, ctl, c.Args().Slice())
		shown, err := showEach(c.Context, ctl, accounts)
		if err != nil {
			return errors.Join(err, missing)
		}
		if c.Bool("json") {
			return errors.Join(json.NewEncoder(s.stdout).Encode(shown), missing)
		}
		for i, a := range shown {
			if i > 0 {
				fmt.Fprintln(s.stdout)
			}
			if err := printAccount(s.stdout, a); err != nil {
				return err
			}
		}
		return missing
	})
}

func showEach(ctx context.Context, ctl control, accounts []zone.Account) ([]shownAccount, error) {
	all := []shownAccount{}
	for _, a := range accounts {
		values, err := ctl.Values(ctx, a.Subdomain)
		if err != nil && !errors.Is(err, client.ErrOperator) {
			return nil, err
		}
		shown := shownAccount{viewOf(a), cnamesOf(a), nil}
		if err == nil {
			shown.Values = viewOfValues(values)
		}
		all = append(all, shown)
	}
	return all, nil
}

// cnamesOf returns what has to stand in the zones of the account's domains.
func cnamesOf(a zone.Account) []string {
	all := []string{}
	for _, domain := range a.Domains {
		all = append(all, fmt.Sprintf("%s CNAME %s.", zone.ChallengeOwner(domain), a.FullDomain))
	}
	return all
}

func printAccount(w io.Writer, a shownAccount) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "domains\t%s\n", orElse(strings.Join(a.Domains, ", "), "none"))
	fmt.Fprintf(table, "user name\t%s\nsubdomain\t%s\nfull name\t%s\n", a.Username, a.Subdomain, a.FullDomain)
	fmt.Fprintf(table, "allowed from\t%s\n", networksText(a.AllowFrom, "everywhere"))
	fmt.Fprintf(table, "created\t%s\nlast update\t%s\n", timeText(a.Created, "unknown"), timeText(a.Updated, "never"))
	fmt.Fprintf(table, "made with token\t%s\ncomment\t%s\n", orElse(a.Token, "none"), orElse(plain(a.Comment), "none"))
	for _, line := range a.CNAMEs {
		fmt.Fprintf(table, "zone file\t%s\n", line)
	}
	for _, v := range a.Values {
		fmt.Fprintf(table, "TXT value\t%s, set %s\n", v.Text, v.Set.Format(time.RFC3339))
	}
	return table.Flush()
}

func timeText(t *time.Time, none string) string {
	if t == nil {
		return none
	}
	return t.Format(time.RFC3339)
}

// networksText shows an allow list; all stands for the empty one.
func networksText(list zone.AllowList, all string) string {
	if list.Closed() {
		return "nowhere: the stored list can't be read"
	}
	return orElse(strings.Join(list.Strings(), ", "), all)
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
