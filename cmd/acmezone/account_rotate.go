package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/acmezone/acmezone/internal/client"
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
			"   acmezone account rotate example.org --grace 48h --json\n" +
			"   acmezone account rotate example.org --storage acmedns.json",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "grace", Usage: "leave the old password valid for a `DURATION` such as 48h or 7d", DefaultText: "none"},
		}, credentialFlags("the accounts"), []cli.Flag{jsonFlag(), configFlag()}),
		Before: func(c *cli.Context) error { return errors.Join(takesNames(c), checkCredentialFlags(c)) },
		Action: func(c *cli.Context) error { return rotateAccounts(c, s) },
	}
}

// rotation is what the command does, once for a command line.
type rotation struct {
	control control
	keep    *keeper
	url     string // of the API, for credentials
	mapped  bool   // credentials go by domain
	grace   time.Duration
}

// rotated is an account with its new password.
type rotated struct {
	accountView
	Password string     `json:"password,omitempty"` // nothing where --storage has it
	OldUntil *time.Time `json:"old_until"`          // null: the old password is good no longer

	credentials []credentials // one for each domain
}

func rotateAccounts(c *cli.Context, s surroundings) error {
	r := rotation{mapped: c.IsSet("storage") || c.IsSet("format")}
	if c.IsSet("grace") {
		var err error
		if r.grace, err = parseLifetime("--grace", c.String("grace")); err != nil {
			return err
		}
	}
	cfg, _, err := loadConfig(c, s)
	if err != nil {
		return err
	}
	r.url = apiURL(cfg)
	if r.keep, err = openKeeper(c); err != nil {
		return err
	}
	err = withControl(c, s, func(ctl control) error {
		r.control = ctl
		accounts, missing := findAccounts(c.Context, ctl, c.Args().Slice())
		all, err := r.rotateAll(c.Context, accounts)
		return errors.Join(missing, err, showRotated(c, s, all))
	})
	return errors.Join(err, r.keep.close())
}

// rotateAll does what it can and reports the rest.
func (r *rotation) rotateAll(ctx context.Context, accounts []zone.Account) (all []rotated, err error) {
	all = []rotated{}
	var errs []error
	for _, a := range accounts {
		if ctx.Err() != nil {
			return all, errors.Join(append(errs, fmt.Errorf("interrupted after %s", counted(len(all), "account")))...)
		}
		done, err := r.rotate(ctx, a)
		if err != nil {
			errs = append(errs, fmt.Errorf("account %s: %w", a.Username, err))
			continue
		}
		all = append(all, done)
	}
	return all, errors.Join(errs...)
}

// rotate gives one account another password. It is kept where --storage says first: a
// file that can't be written then leaves all as it was.
func (r *rotation) rotate(ctx context.Context, a zone.Account) (rotated, error) {
	done := rotated{accountView: viewOf(a), Password: zone.NewPassword()}
	if r.mapped && len(a.Domains) == 0 {
		return done, fmt.Errorf("it is bound to no domain, by which a client could find its credentials: leave --storage and --format out, or 'acmezone cname DOMAIN --account %s' first", a.Username)
	}
	for _, domain := range a.Domains {
		done.credentials = append(done.credentials, credentials{domain, client.Stored{
			FullDomain: a.FullDomain, Subdomain: a.Subdomain, Username: a.Username, Password: done.Password, ServerURL: r.url,
		}})
	}
	change := zone.RotatePassword{Username: a.Username, Password: zone.SecretOf(done.Password)}
	if r.grace > 0 {
		// In whole seconds, as the database keeps it.
		change.OldUntil = time.Now().Add(r.grace).Truncate(time.Second)
		done.OldUntil = utcOrNil(change.OldUntil)
	}
	// The service completes a request whose asker was interrupted: without its answer
	// nobody knows which of the two passwords is the good one.
	return done, r.keepThen(done.credentials, func() error { return r.control.Do(context.WithoutCancel(ctx), change) })
}

// keepThen keeps credentials while do makes them good; if it fails, those from before
// stay.
func (r *rotation) keepThen(fresh []credentials, do func() error) error {
	if r.keep.file == nil {
		return do()
	}
	before := maps.Clone(r.keep.file.all)
	if err := r.keep.put(fresh); err != nil {
		return err
	}
	if err := do(); err != nil {
		return errors.Join(err, r.keep.file.restore(before))
	}
	return nil
}

// showRotated prints the passwords, in the order of the accounts, to standard output,
// unless --storage has them, and what there is to say of them to standard error.
func showRotated(c *cli.Context, s surroundings, all []rotated) error {
	storage, format := c.String("storage"), c.String("format")
	if c.Bool("json") {
		return json.NewEncoder(s.stdout).Encode(withoutPasswords(all, storage != ""))
	}
	where, plainly := ", shown this once", storage == "" && format == ""
	if storage != "" {
		where = " is in " + storage
	}
	var fresh []credentials
	for _, r := range all {
		fmt.Fprintf(s.stderr, "The new password of account %s (%s)%s; the old one %s\n", r.Username, purpose(r.Domains), where, r.old())
		if plainly {
			if _, err := fmt.Fprintln(s.stdout, r.Password); err != nil {
				return err
			}
		}
		fresh = append(fresh, r.credentials...)
	}
	if format == "" || len(fresh) == 0 {
		return nil
	}
	return writerOf(format)(s.stdout, fresh)
}

// withoutPasswords takes the passwords out if they are kept elsewhere.
func withoutPasswords(all []rotated, kept bool) []rotated {
	for i := range all {
		if kept {
			all[i].Password = ""
		}
	}
	return all
}

func (r rotated) old() string {
	if r.OldUntil == nil {
		return "is good no longer"
	}
	return "is good until " + timeText(r.OldUntil, "")
}
