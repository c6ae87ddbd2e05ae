package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/acmezone/acmezone/internal/zone"
)

func tokenCommand(s surroundings) *cli.Command {
	return group("token", "look after registration tokens, for clients on other machines",
		tokenCreateCommand(s), tokenListCommand(s), tokenRevokeCommand(s))
}

// tokenView is a token in JSON, without its secret.
type tokenView struct {
	ID        string         `json:"id"`
	Uses      int            `json:"uses"`      // left; -1 for any number
	Quota     int            `json:"quota"`     // accounts it may have at a time; 0 for any number
	Domains   []string       `json:"domains"`   // patterns; empty: it only registers
	AllowFrom zone.AllowList `json:"allowfrom"` // empty: it may be used from everywhere
	Expires   *time.Time     `json:"expires"`   // null: never
	Created   *time.Time     `json:"created"`
	Comment   string         `json:"comment"`
}

func viewOfToken(t zone.Token) tokenView {
	return tokenView{
		ID: t.ID, Uses: t.Uses, Quota: t.Quota, Domains: append([]string{}, t.Domains...), AllowFrom: t.AllowFrom,
		Expires: utcOrNil(t.Expires), Created: utcOrNil(t.Created), Comment: t.Comment,
	}
}

func tokenListCommand(s surroundings) *cli.Command {
	return &cli.Command{
		Name:        "list",
		Usage:       "list the tokens, without their secrets",
		Description: "Example:\n   acmezone token list --json",
		Flags:       []cli.Flag{jsonFlag(), configFlag()},
		Before:      noArguments,
		Action: func(c *cli.Context) error {
			return withControl(c, s, func(ctl control) error {
				tokens, err := ctl.Tokens(c.Context)
				if err != nil {
					return err
				}
				if c.Bool("json") {
					return encodeTokens(s.stdout, tokens)
				}
				return printTokens(s.stdout, tokens)
			})
		},
	}
}

func encodeTokens(w io.Writer, tokens []zone.Token) error {
	views := []tokenView{}
	for _, t := range tokens {
		views = append(views, viewOfToken(t))
	}
	return json.NewEncoder(w).Encode(views)
}

func printTokens(w io.Writer, tokens []zone.Token) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tUSES LEFT\tQUOTA\tEXPIRES (UTC)\tFROM\tDOMAINS\tCOMMENT")
	for _, t := range tokens {
		uses, quota := "any", "any"
		if t.Uses >= 0 {
			uses = strconv.Itoa(t.Uses)
		}
		if t.Quota > 0 {
			quota = strconv.Itoa(t.Quota)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, uses, quota, expiryColumn(t, time.Now()),
			networksColumn(t.AllowFrom), shortList(t.Domains, "none"), plain(t.Comment))
	}
	return table.Flush()
}

func expiryColumn(t zone.Token, now time.Time) string {
	switch {
	case t.Expires.IsZero():
		return "never"
	case t.Expired(now):
		return "over"
	}
	return t.Expires.UTC().Format("2006-01-02 15:04")
}

func networksColumn(list zone.AllowList) string {
	if list.Closed() {
		return "nowhere"
	}
	return shortList(list.Strings(), "any")
}
