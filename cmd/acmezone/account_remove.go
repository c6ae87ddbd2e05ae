package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/acmezone/acmezone/internal/zone"
)

func accountRemoveCommand(s surroundings) *cli.Command {
	return &cli.Command{
		Name:      "remove",
		Usage:     "remove accounts with their values",
		ArgsUsage: "NAME...",
		Description: "CNAMEs that point to a removed account lead nowhere from then on, and its name is\n" +
			"never given out again, so that nobody else comes by them. To take a domain away\n" +
			"from an account that stays, use 'acmezone account unbind'.\n\nExamples:\n" +
			"   acmezone account remove example.org\n" +
			"   acmezone account remove 8e57ae50-1ca9-4e6d-a8a3-3f1e4a0c6a11 --yes",
		Flags: []cli.Flag{yesFlag(), jsonFlag(), configFlag()},
		Before: func(c *cli.Context) error {
			if err := takesNames(c); err != nil {
				return err
			}
			return confirmable(c, s)
		},
		Action: func(c *cli.Context) error { return removeAccounts(c, s) },
	}
}

func removeAccounts(c *cli.Context, s surroundings) error {
	var accounts []zone.Account
	var missing error
	err := withControl(c, s, func(ctl control) error {
		accounts, missing = findAccounts(c.Context, ctl, c.Args().Slice())
		return nil
	})
	if err != nil || len(accounts) == 0 {
		return errors.Join(err, missing)
	}
	if err := confirm(c, s, removalQuestion(accounts)); err != nil {
		return errors.Join(err, missing)
	}
	err = withControl(c, s, func(ctl control) error { return removeEach(c, s, ctl, accounts) })
	return errors.Join(missing, err)
}

func removeEach(c *cli.Context, s surroundings, ctl control, accounts []zone.Account) error {
	var errs []error
	removed := []accountView{}
	for _, a := range accounts {
		if err := ctl.Do(c.Context, zone.RemoveAccount{Username: a.Username}); err != nil {
			errs = append(errs, fmt.Errorf("account %s: %w", a.Username, err))
			continue
		}
		removed = append(removed, viewOf(a))
		if !c.Bool("json") {
			fmt.Fprintf(s.stdout, "removed account %s, which was %s\n", a.Username, purpose(a.Domains))
		}
	}
	if c.Bool("json") {
		errs = append(errs, json.NewEncoder(s.stdout).Encode(removed))
	}
	return errors.Join(errs...)
}

func removalQuestion(accounts []zone.Account) string {
	var b strings.Builder
	for _, a := range accounts {
		fmt.Fprintf(&b, "%s, %s\n", a.FullDomain, purpose(a.Domains))
	}
	fmt.Fprintf(&b, "CNAMEs that point there lead nowhere from then on; the name is never given out again.\nRemove %s?",
		counted(len(accounts), "account"))
	return b.String()
}

// counted puts a number before a word.
func counted(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

func accountUnbindCommand(s surroundings) *cli.Command {
	return &cli.Command{
		Name:      "unbind",
		Usage:     "take domains away from their accounts, which stay",
		ArgsUsage: "DOMAIN...",
		Description: "The account's owner can go on setting its value, and a CNAME that points there goes\n" +
			"on working: acmezone forgets what it is for. Another account can be bound to the\n" +
			"domain then.\n\nExample:\n   acmezone account unbind example.org",
		Flags: []cli.Flag{configFlag()},
		Action: func(c *cli.Context) error {
			domains, err := parseDomains(c.Args().Slice())
			if err != nil {
				return err
			}
			return withControl(c, s, func(ctl control) error {
				var errs []error
				for _, domain := range domains {
					errs = append(errs, unbind(c.Context, ctl, s, domain))
				}
				return errors.Join(errs...)
			})
		},
	}
}

func unbind(ctx context.Context, ctl control, s surroundings, domain string) error {
	if err := ctl.Do(ctx, zone.UnbindDomain{Domain: domain}); errors.Is(err, zone.ErrNotBound) {
		return fmt.Errorf("%s is bound to no account: 'acmezone account list --bound' shows what is", domain)
	} else if err != nil {
		return fmt.Errorf("%s: %w", domain, err)
	}
	_, err := fmt.Fprintf(s.stdout, "%s is bound to no account any more\n", domain)
	return err
}

func parseDomains(words []string) ([]string, error) {
	if len(words) == 0 {
		return nil, usagef("which domain? 'acmezone account list --bound' shows those that are bound")
	}
	var domains []string
	for _, word := range words {
		domain, err := zone.ParseDomain(word)
		if err != nil {
			return nil, usageError{err}
		}
		domains = append(domains, domain)
	}
	return domains, nil
}
