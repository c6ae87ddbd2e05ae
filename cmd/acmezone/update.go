package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/acmezone/acmezone/internal/zone"
)

func updateCommand(s surroundings) *cli.Command {
	return &cli.Command{
		Name:      "update",
		Usage:     "set a TXT value, for scripts and hooks, and wait until it is answered",
		ArgsUsage: "NAME [VALUE]",
		Description: "NAME is a domain that is bound to an account, the account's subdomain, its full name\n" +
			"or its user name. It prints what the name answers then; over --server, the value that\n" +
			"it has set. It needs a running service, and a domain that has got its account with\n" +
			"'acmezone cname'.\n\nExamples:\n" +
			"   acmezone update example.org LHDhK3oGRvkiefQnx7OOczTY5Tic_xZ6HcMOc_gmtoM\n" +
			"   acmezone update --remove example.org LHDhK3oGRvkiefQnx7OOczTY5Tic_xZ6HcMOc_gmtoM\n" +
			"   acmezone update --remove example.org",
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "remove", Usage: "take the value away; without VALUE, all that the name has", DisableDefaultText: true},
			jsonFlag(), configFlag(),
		}, serverFlags()...),
		Before: checkUpdate,
		Action: func(c *cli.Context) error { return update(c, s) },
	}
}

func checkUpdate(c *cli.Context) error {
	switch n := c.Args().Len(); {
	case n == 0:
		return usagef("which name? 'acmezone update NAME VALUE' takes a domain, subdomain, full name or user name")
	case n == 1 && !c.Bool("remove"):
		return usagef("which value? 'acmezone update %s VALUE' sets it, 'acmezone update --remove %[1]s' takes all away", c.Args().First())
	case n > 2:
		return usagef("'acmezone update' takes one NAME and one VALUE, but was given %d arguments", n)
	}
	if err := checkName(c.Args().First()); err != nil {
		return err
	}
	if c.Args().Len() == 2 {
		return checkValue(c.Args().Get(1))
	}
	return nil
}

// checkValue says of a word that is no DNS-01 value what it may be instead.
func checkValue(value string) error {
	const is = "a DNS-01 value is 43 characters of A-Z a-z 0-9 - _"
	switch {
	case zone.ValidChallenge(value):
		return nil
	case value == "":
		return usagef("the value is empty; " + is)
	case len(value) > 1 && strings.ContainsRune(`"'`, rune(value[0])):
		return usagef("the value has quotes around it: leave them out; " + is)
	case strings.Contains(value, "."):
		return usagef("the value has a dot, as a key authorization has: give its SHA-256 in base64url; " + is)
	case strings.HasSuffix(value, "="):
		return usagef("the value ends with '=': base64url goes without; " + is)
	case strings.ContainsAny(value, "+/"):
		return usagef("the value has '+' or '/', as base64 has: give it in base64url; " + is)
	}
	return usagef("%.60q has %d characters; "+is, value, utf8.RuneCountInString(value))
}

func update(c *cli.Context, s surroundings) error {
	return withControl(c, s, func(ctl control) error {
		a, err := findAccount(c.Context, ctl, c.Args().First())
		if err != nil {
			return err
		}
		if err := explainUnpublished(ctl.Do(c.Context, updateOf(c, a))); err != nil {
			return err
		}
		values, err := ctl.Values(c.Context, a.Subdomain)
		if err != nil {
			return err
		}
		return printUpdated(c, s, a, values)
	})
}

func updateOf(c *cli.Context, a zone.Account) zone.Change {
	value := c.Args().Get(1)
	if c.Bool("remove") {
		return zone.RemoveValue{Owner: a.Subdomain, Text: value}
	}
	return zone.SetValue{Account: a.Username, Owner: a.Subdomain, Text: value}
}

// explainUnpublished says what has become of a change that is durable only.
func explainUnpublished(err error) error {
	if errors.Is(err, zone.ErrNotPublished) {
		return fmt.Errorf("the change is stored and will be answered without another try, but isn't yet: %w", err)
	}
	return err
}

func printUpdated(c *cli.Context, s surroundings, a zone.Account, values []zone.Value) error {
	if c.Bool("json") {
		return json.NewEncoder(s.stdout).Encode(struct {
			Username   string      `json:"username"`
			Subdomain  string      `json:"subdomain"`
			FullDomain string      `json:"fulldomain"`
			Values     []valueView `json:"values"` // oldest first
		}{a.Username, a.Subdomain, a.FullDomain, viewOfValues(values)})
	}
	if len(values) == 0 {
		_, err := fmt.Fprintf(s.stdout, "%s. has no value\n", a.FullDomain)
		return err
	}
	for _, v := range values {
		if _, err := fmt.Fprintf(s.stdout, "%s. TXT \"%s\"\n", a.FullDomain, v.Text); err != nil {
			return err
		}
	}
	return nil
}
