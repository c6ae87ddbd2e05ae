package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/acmezone/acmezone/internal/zone"
)

func tokenRevokeCommand(s surroundings) *cli.Command {
	return &cli.Command{
		Name:      "revoke",
		Usage:     "make tokens invalid, with the passwords that they gave out",
		ArgsUsage: "ID...",
		Description: "Accounts made with a token stay, with the passwords from their registration, unless\n" +
			"--accounts has them removed. That asks first: CNAMEs that point to them lead\n" +
			"nowhere then, and their names are never given out again.\n\nExamples:\n" +
			"   acmezone token revoke k3jq7x2a\n" +
			"   acmezone token revoke k3jq7x2a --accounts --yes",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "accounts", Usage: "remove the accounts that were made with them", DisableDefaultText: true},
			yesFlag(), configFlag(),
		},
		Before: func(c *cli.Context) error {
			if !c.Args().Present() {
				return usagef("which token? 'acmezone token list' shows their IDs")
			}
			if !c.Bool("accounts") {
				return nil
			}
			return confirmable(c, s)
		},
		Action: func(c *cli.Context) error { return revokeTokens(c, s) },
	}
}

// revokeTokens revokes what it can and reports what it couldn't.
func revokeTokens(c *cli.Context, s surroundings) error {
	var ids []string
	var missing error
	accounts := 0
	err := withControl(c, s, func(ctl control) (err error) {
		if ids, missing = knownTokens(c.Context, ctl, c.Args().Slice()); c.Bool("accounts") {
			accounts, err = countAccounts(c.Context, ctl, ids)
		}
		return err
	})
	if err != nil || len(ids) == 0 {
		return errors.Join(err, missing)
	}
	if c.Bool("accounts") {
		if err := confirm(c, s, revocationQuestion(ids, accounts)); err != nil {
			return errors.Join(err, missing)
		}
	}
	err = withControl(c, s, func(ctl control) error { return revokeEach(c, s, ctl, ids) })
	if err == nil && c.Bool("accounts") {
		fmt.Fprintf(s.stdout, "removed %s\n", counted(accounts, "account"))
	}
	return errors.Join(missing, err)
}

func revokeEach(c *cli.Context, s surroundings, ctl control, ids []string) error {
	var errs []error
	for _, id := range ids {
		if err := ctl.Do(c.Context, zone.RevokeToken{ID: id, Accounts: c.Bool("accounts")}); err != nil {
			errs = append(errs, fmt.Errorf("token %s: %w", id, err))
			continue
		}
		fmt.Fprintf(s.stdout, "revoked token %s\n", id)
	}
	return errors.Join(errs...)
}

// knownTokens returns the IDs that there are, each once, and what is wrong with the rest.
func knownTokens(ctx context.Context, ctl control, ids []string) ([]string, error) {
	tokens, err := ctl.Tokens(ctx)
	if err != nil {
		return nil, err
	}
	var known []string
	var errs []error
	for _, id := range ids {
		switch {
		case slices.Contains(known, id):
		case slices.ContainsFunc(tokens, func(t zone.Token) bool { return t.ID == id }):
			known = append(known, id)
		default:
			errs = append(errs, unknownToken(id))
		}
	}
	return known, errors.Join(errs...)
}

// unknownToken never repeats what may be a secret.
func unknownToken(id string) error {
	if zone.LooksLikeToken(id) {
		return errors.New("that is a token itself: give its ID, which 'acmezone token list' shows")
	}
	return fmt.Errorf("there is no token %s: 'acmezone token list' shows those there are", id)
}

func countAccounts(ctx context.Context, ctl control, tokens []string) (int, error) {
	n := 0
	for _, id := range tokens {
		for page, err := range accountPages(ctx, ctl, zone.AccountFilter{Token: id}, 0) {
			if err != nil {
				return n, err
			}
			n += len(page)
		}
	}
	return n, nil
}

func revocationQuestion(ids []string, accounts int) string {
	what := "the token " + ids[0]
	if len(ids) > 1 {
		what = "the tokens " + strings.Join(ids, ", ")
	}
	return fmt.Sprintf("CNAMEs that point to a removed account lead nowhere; its name is never given out again.\n"+
		"Revoke %s and remove %s?", what, counted(accounts, "account"))
}
