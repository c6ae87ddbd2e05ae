package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/acmezone/acmezone/internal/zone"
)

func tokenCommand(s surroundings) *cli.Command {
	return group("token", "look after registration tokens, for clients on other machines",
		tokenCreateCommand(s), tokenListCommand(s), tokenRevokeCommand(s))
}

func tokenCreateCommand(s surroundings) *cli.Command {
	return &cli.Command{
		Name:  "create",
		Usage: "make a token and print it, once",
		Description: "A client gives it as the first segment of the path, as a bearer token, or as the\n" +
			"user name or password of basic authentication.\n\nExample:\n" +
			"   acmezone token create --uses 1 --expires 24h --comment 'the mail server'",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "uses", Usage: "good for `N` registrations", DefaultText: "any number"},
			&cli.StringFlag{Name: "expires", Usage: "good for that long, a `DURATION` such as 24h or 30d", DefaultText: "until it is revoked"},
			&cli.StringFlag{Name: "comment", Usage: "a `TEXT` to know it by"},
			jsonFlag(), configFlag(),
		},
		Before: noArguments,
		Action: func(c *cli.Context) error { return createToken(c, s) },
	}
}

func createToken(c *cli.Context, s surroundings) error {
	text := zone.NewToken()
	// In whole seconds, as the database keeps it.
	now := time.Now().Truncate(time.Second)
	token := zone.Token{
		ID: strings.ToLower(rand.Text()[:8]), Secret: zone.SecretOf(text), Uses: -1, Created: now, Comment: c.String("comment"),
	}
	if c.IsSet("uses") {
		if token.Uses = c.Int("uses"); token.Uses < 1 {
			return usagef("--uses %d: a token is good for one registration at least", token.Uses)
		}
	}
	if c.IsSet("expires") {
		lifetime, err := parseLifetime(c.String("expires"))
		if err != nil {
			return err
		}
		token.Expires = now.Add(lifetime)
	}
	err := withControl(c, s, func(ctl control) error { return ctl.Do(c.Context, zone.CreateToken{Token: token}) })
	if err != nil {
		return err
	}
	if c.Bool("json") {
		token.Secret = zone.Secret{}
		return json.NewEncoder(s.stdout).Encode(struct {
			zone.Token
			Text string `json:"token"`
		}{token, text})
	}
	fmt.Fprintf(s.stderr, "Token %s (%s), shown this once:\n", token.ID, describe(token))
	_, err = fmt.Fprintln(s.stdout, text)
	return err
}

// parseLifetime reads a duration of at least a second; "30d" is thirty days.
func parseLifetime(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if days, isDays := strings.CutSuffix(text, "d"); isDays {
		var n int
		if n, err = strconv.Atoi(days); err == nil && n > 36500 {
			err = errors.New("over a hundred years")
		}
		d = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || d < time.Second {
		return 0, usagef("--expires %q is no duration such as 24h or 30d", text)
	}
	return d, nil
}

func describe(t zone.Token) string {
	return "good for " + usesText(t.Uses) + ", until " + expiryText(t.Expires)
}

func usesText(uses int) string {
	switch uses {
	case -1:
		return "any number of registrations"
	case 1:
		return "1 registration"
	}
	return strconv.Itoa(uses) + " registrations"
}

func expiryText(expires time.Time) string {
	if expires.IsZero() {
		return "revoked"
	}
	return expires.UTC().Format(time.RFC3339)
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
					return json.NewEncoder(s.stdout).Encode(append([]zone.Token{}, tokens...))
				}
				return printTokens(s.stdout, tokens)
			})
		},
	}
}

func printTokens(w io.Writer, tokens []zone.Token) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tUSES LEFT\tEXPIRES\tCREATED\tCOMMENT")
	for _, t := range tokens {
		uses, expires := strconv.Itoa(t.Uses), "never"
		if t.Uses < 0 {
			uses = "any"
		}
		if !t.Expires.IsZero() {
			expires = expiryText(t.Expires)
		}
		if t.Spent(time.Now()) && t.Uses != 0 {
			expires += " (over)"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", t.ID, uses, expires, t.Created.UTC().Format(time.RFC3339), t.Comment)
	}
	return table.Flush()
}

func tokenRevokeCommand(s surroundings) *cli.Command {
	return &cli.Command{
		Name:        "revoke",
		Usage:       "make tokens invalid; accounts made with them stay",
		ArgsUsage:   "ID...",
		Description: "Example:\n   acmezone token revoke k3jq7x2a",
		Flags:       []cli.Flag{configFlag()},
		Action: func(c *cli.Context) error {
			if !c.Args().Present() {
				return usagef("which token? 'acmezone token list' shows their IDs")
			}
			return withControl(c, s, func(ctl control) error { return revokeTokens(c, ctl) })
		},
	}
}

// revokeTokens revokes what it can and reports what it couldn't.
func revokeTokens(c *cli.Context, ctl control) error {
	var errs []error
	for _, id := range c.Args().Slice() {
		if err := ctl.Do(c.Context, zone.RevokeToken{ID: id, Accounts: c.Bool("accounts")}); err != nil {
			errs = append(errs, fmt.Errorf("token %s: %w", id, err))
		}
	}
	return errors.Join(errs...)
}
