package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/acmezone/acmezone/internal/zone"
)

func accountRotateCommand(s surroundings) *cli.Command {
	return &cli.Command{
		Name:      "rotate",
		Usage:     "give accounts another password and print it, once",
		ArgsUsage: "NAME...",
		Description: "The old password is good no longer, unless --grace leaves it for a while, so that a\n" +
			"client can be given the new one between two renewals. What was given out through\n" +
			"tokens stays good; 'acmezone token revoke' ends it.\n\nExamples:\n" +
			"   acmezone account rotate example.org\n" +
			"   acmezone account rotate example.org --grace 48h --json",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "grace", Usage: "leave the old password valid for a `DURATION` such as 48h or 7d", DefaultText: "none"},
			jsonFlag(), configFlag(),
		},
		Before: takesNames,
		Action: func(c *cli.Context) error { return rotateAccounts(c, s) },
	}
}

// rotated is an account with its new password.
type rotated struct {
	accountView
	Password string     `json:"password"`
	OldUntil *time.Time `json:"old_until"` // null: the old password is good no longer
}

func rotateAccounts(c *cli.Context, s surroundings) error {
	var grace time.Duration
	if c.IsSet("grace") {
		var err error
		if grace, err = parseLifetime("--grace", c.String("grace")); err != nil {
			return err
		}
	}
	return withControl(c, s, func(ctl control) error {
		accounts, missing := findAccounts(c.Context, ctl, c.Args().Slice())
		errs := []error{missing}
		all := []rotated{}
		for _, a := range accounts {
			r, err := rotate(c, ctl, a, grace)
			if err != nil {
				errs = append(errs, fmt.Errorf("account %s: %w", a.Username, err))
				continue
			}
			all = append(all, r)
		}
		return errors.Join(append(errs, showPasswords(c, s, all))...)
	})
}

func rotate(c *cli.Context, ctl control, a zone.Account, grace time.Duration) (rotated, error) {
	r := rotated{accountView: viewOf(a), Password: zone.NewPassword()}
	change := zone.RotatePassword{Username: a.Username, Password: zone.SecretOf(r.Password)}
	if grace > 0 {
		// In whole seconds, as the database keeps it.
		change.OldUntil = time.Now().Add(grace).Truncate(time.Second)
		r.OldUntil = utcOrNil(change.OldUntil)
	}
	return r, ctl.Do(c.Context, change)
}

// showPasswords prints the passwords, in the order of the accounts, to standard output
// and what there is to say of them to standard error.
func showPasswords(c *cli.Context, s surroundings, all []rotated) error {
	if c.Bool("json") {
		return json.NewEncoder(s.stdout).Encode(all)
	}
	for _, r := range all {
		old := "is good no longer"
		if r.OldUntil != nil {
			old = "is good until " + timeText(r.OldUntil, "")
		}
		fmt.Fprintf(s.stderr, "The new password of account %s (%s), shown this once; the old one %s:\n", r.Username, purpose(r.Domains), old)
		if _, err := fmt.Fprintln(s.stdout, r.Password); err != nil {
			return err
		}
	}
	return nil
}
