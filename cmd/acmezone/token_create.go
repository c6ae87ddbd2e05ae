package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/acmezone/acmezone/internal/zone"
)

func tokenCreateCommand(s surroundings) *cli.Command {
	return &cli.Command{
		Name:  "create",
		Usage: "make a token and print it, once",
		Description: "A client gives it as the first segment of the path, as a bearer token, or as the\n" +
			"user name or password of basic authentication. Without --domain it registers, no\n" +
			"more. With --domain its holder can also have those domains bound to accounts, and\n" +
			"be given their credentials: \"example.org\" is that domain and its wildcard,\n" +
			"\"*.example.org\" everything below it, \"*\" every domain.\n\nExamples:\n" +
			"   acmezone token create --uses 1 --expires 24h --comment 'the mail server'\n" +
			"   acmezone token create --domain example.org --domain '*.example.org' --quota 20 --from 192.0.2.0/24",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "uses", Usage: "good for `N` registrations", DefaultText: "any number"},
			&cli.IntFlag{Name: "quota", Usage: "good for `N` accounts at a time", DefaultText: "any number"},
			&cli.StringSliceFlag{Name: "domain", Usage: "good for what that `PATTERN` means; may be repeated"},
			&cli.StringSliceFlag{Name: "from", Usage: "good from that `NETWORK` or address; may be repeated", DefaultText: "everywhere"},
			&cli.StringFlag{Name: "expires", Usage: "good for that long, a `DURATION` such as 24h or 30d", DefaultText: "until it is revoked"},
			&cli.StringFlag{Name: "comment", Usage: "a `TEXT` to know it by"},
			jsonFlag(), configFlag(),
		},
		Before: noArguments,
		Action: func(c *cli.Context) error { return createToken(c, s) },
	}
}

func createToken(c *cli.Context, s surroundings) error {
	token, err := tokenOf(c)
	if err != nil {
		return err
	}
	text := zone.NewToken()
	token.Secret = zone.SecretOf(text)
	err = withControl(c, s, func(ctl control) error { return ctl.Do(c.Context, zone.CreateToken{Token: token}) })
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return json.NewEncoder(s.stdout).Encode(struct {
			tokenView
			Text string `json:"token"`
		}{viewOfToken(token), text})
	}
	if len(token.Domains) == 0 {
		fmt.Fprintln(s.stderr, "Without --domain the token registers, no more.")
	}
	fmt.Fprintf(s.stderr, "Token %s (%s), shown this once:\n", token.ID, describe(token))
	_, err = fmt.Fprintln(s.stdout, text)
	return err
}

// tokenOf returns the token that the flags describe, without its secret.
func tokenOf(c *cli.Context) (zone.Token, error) {
	// In whole seconds, as the database keeps it.
	now := time.Now().Truncate(time.Second)
	t := zone.Token{ID: strings.ToLower(rand.Text()[:8]), Uses: -1, Created: now, Comment: c.String("comment")}
	for flag, into := range map[string]*int{"uses": &t.Uses, "quota": &t.Quota} {
		if !c.IsSet(flag) {
			continue
		}
		if *into = c.Int(flag); *into < 1 {
			return t, usagef("--%s %d: a token is good for one at least", flag, *into)
		}
	}
	if c.IsSet("expires") {
		lifetime, err := parseLifetime("--expires", c.String("expires"))
		if err != nil {
			return t, err
		}
		t.Expires = now.Add(lifetime)
	}
	var err error
	if t.Domains, err = zone.ParsePatterns(c.StringSlice("domain")); err != nil {
		return t, usagef("--domain: %w", err)
	}
	if t.AllowFrom, err = zone.ParseAllowList(c.StringSlice("from")); err != nil {
		return t, usagef("--from: %w", err)
	}
	return t, nil
}

// parseLifetime reads a duration of at least a second; "30d" is thirty days.
func parseLifetime(flag, text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if days, isDays := strings.CutSuffix(text, "d"); isDays {
		var n int
		if n, err = strconv.Atoi(days); err == nil && n > 36500 {
			err = errors.New("over a hundred years")
		}
		d = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || d < time.Second {
		return 0, usagef("%s %q is no duration such as 24h or 30d", flag, text)
	}
	return d, nil
}

func describe(t zone.Token) string {
	parts := []string{"good for " + usesText(t.Uses)}
	if t.Quota > 0 {
		parts = append(parts, counted(t.Quota, "account")+" at a time")
	}
	if networks := t.AllowFrom.Strings(); len(networks) > 0 {
		parts = append(parts, "from "+strings.Join(networks, " and "))
	}
	if len(t.Domains) > 0 {
		parts = append(parts, "for "+strings.Join(t.Domains, " and "))
	}
	return strings.Join(append(parts, "until "+expiryText(t.Expires)), ", ")
}

func usesText(uses int) string {
	if uses == -1 {
		return "any number of registrations"
	}
	return counted(uses, "registration")
}

func expiryText(expires time.Time) string {
	if expires.IsZero() {
		return "revoked"
	}
	return expires.UTC().Format(time.RFC3339)
}
