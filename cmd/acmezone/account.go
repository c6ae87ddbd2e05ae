package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/acmezone/acmezone/internal/zone"
)

func accountCommand(s surroundings) *cli.Command {
	return group("account", "look after registrations",
		accountListCommand(s), accountShowCommand(s), accountRotateCommand(s), accountRemoveCommand(s), accountUnbindCommand(s))
}

// accountView is an account in JSON.
type accountView struct {
	Username   string         `json:"username"`
	Subdomain  string         `json:"subdomain"`
	FullDomain string         `json:"fulldomain"`
	Domain     string         `json:"domain"`    // the first of Domains, or ""
	Domains    []string       `json:"domains"`   // never null
	AllowFrom  zone.AllowList `json:"allowfrom"` // null: the stored list can't be read, so nobody may
	Created    *time.Time     `json:"created"`   // null: not known
	Updated    *time.Time     `json:"updated"`   // null: never
	Comment    string         `json:"comment"`
	Token      string         `json:"token"`
}

func viewOf(a zone.Account) accountView {
	v := accountView{
		Username: a.Username, Subdomain: a.Subdomain, FullDomain: a.FullDomain, Domains: append([]string{}, a.Domains...),
		AllowFrom: a.AllowFrom, Created: utcOrNil(a.Created), Updated: utcOrNil(a.Updated), Comment: a.Comment, Token: a.Token,
	}
	if len(a.Domains) > 0 {
		v.Domain = a.Domains[0]
	}
	return v
}

// utcOrNil makes null of a time that there isn't.
func utcOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// findAccounts looks up the accounts of names, each of them once, however often it is
// named. It returns those that are there and what is wrong with the rest.
func findAccounts(ctx context.Context, ctl control, names []string) ([]zone.Account, error) {
	var found []zone.Account
	var errs []error
	seen := make(map[string]bool)
	for _, name := range names {
		a, err := findAccount(ctx, ctl, name)
		if err != nil {
			errs = append(errs, err)
		} else if !seen[a.Username] {
			seen[a.Username] = true
			found = append(found, a)
		}
	}
	return found, errors.Join(errs...)
}

// findAccount looks up the account of a domain, subdomain, full name or user name.
func findAccount(ctx context.Context, ctl control, name string) (zone.Account, error) {
	a, err := ctl.FindAccount(ctx, name)
	if errors.Is(err, zone.ErrNoAccount) {
		return a, fmt.Errorf("there is no account for %q: give a domain, subdomain, full name or user name; 'acmezone account list' shows those there are", name)
	}
	if err != nil {
		return a, fmt.Errorf("account %s: %w", name, err)
	}
	return a, nil
}

// takesNames refuses a command line without NAMEs, and names of which it is plain that
// no account has them.
func takesNames(c *cli.Context) error {
	if !c.Args().Present() {
		return usagef("which account? give a domain, subdomain, full name or user name; 'acmezone account list' shows those there are")
	}
	for _, name := range c.Args().Slice() {
		if err := checkName(name); err != nil {
			return err
		}
	}
	return nil
}

// checkName catches the name of the challenge, which is what a hook is given.
func checkName(name string) error {
	if zone.Reserved(name) {
		_, err := zone.ParseDomain(name)
		return usageError{err}
	}
	return nil
}

// purpose says what an account is for, as a part of a sentence.
func purpose(domains []string) string {
	if len(domains) == 0 {
		return "bound to no domain"
	}
	return "for " + strings.Join(domains, ", ")
}
