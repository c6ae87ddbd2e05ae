package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/acmezone/acmezone/internal/zone"
)

// enrollAtOnce is how many domains are registered between two writes of the file that
// their credentials go to, at first; then as many as were done before, since the file
// is written as a whole each time.
const enrollAtOnce = 100

// enrollAll finds the accounts of the domains, makes those that aren't there, and
// prints. What was done before something failed is printed all the same.
func (n *cnames) enrollAll(c *cli.Context, domains []string) error {
	all, fresh, err := n.enrollEach(c, domains)
	return errors.Join(err, n.print(c, all, fresh))
}

// enrollEach does all but the printing of records: the credentials of new accounts are
// handed over. What was done before something failed is returned all the same.
func (n *cnames) enrollEach(c *cli.Context, domains []string) (all []printed, fresh []credentials, err error) {
	keep, err := openKeeper(c)
	if err != nil {
		return nil, nil, err
	}
	for len(domains) > 0 && err == nil {
		some := domains[:min(max(enrollAtOnce, len(all)), len(domains))]
		domains = domains[len(some):]
		var done []printed
		var new []credentials
		done, new, err = n.enrollSome(c.Context, some, keep, c.String("comment"))
		all, fresh = append(all, done...), append(fresh, new...)
	}
	return all, fresh, errors.Join(err, n.handOver(c, keep, fresh), keep.close())
}

// handOver prints the credentials that go nowhere else.
func (n *cnames) handOver(c *cli.Context, keep *keeper, fresh []credentials) error {
	if len(fresh) == 0 || keep.file != nil || c.String("format") != "" {
		return nil
	}
	var text bytes.Buffer
	if err := writeAccountMap(&text, fresh); err != nil {
		return err
	}
	flags := "--storage FILE or --format keeps"
	if c.Command.Name != "cname" {
		flags = "--storage FILE keeps"
	}
	_, err := fmt.Fprintf(n.stderr, "The credentials of what is new, shown this once (%s them elsewhere):\n%s", flags, &text)
	return err
}

// enrollSome makes the accounts that some of the domains lack. Their credentials are
// kept before the accounts exist: what is left in a file of an account that came to
// nothing does no harm, an account whose password nobody has would.
func (n *cnames) enrollSome(ctx context.Context, domains []string, keep *keeper, comment string) (all []printed, fresh []credentials, err error) {
	place := make(map[string]int)
	for _, domain := range domains {
		account, known, err := n.directory.find(ctx, domain)
		switch {
		case err == nil:
			if err := n.found(keep, domain, account, known); err != nil {
				return all, nil, err
			}
		case errors.Is(err, zone.ErrNoAccount):
			new, err := n.directory.prepare(ctx, domain)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", domain, err)
			}
			place[domain] = len(all)
			fresh = append(fresh, new)
		default:
			return nil, nil, fmt.Errorf("%s: %w", domain, err)
		}
		all = append(all, printed{domain: domain, account: account})
	}
	if err := keep.put(fresh); err != nil {
		return nil, nil, err
	}
	return n.enrollPrepared(ctx, all, fresh, place, keep, comment)
}

// enrollPrepared makes the accounts whose credentials are kept. After a failure the
// credentials of those that weren't made are dropped again.
func (n *cnames) enrollPrepared(ctx context.Context, all []printed, fresh []credentials, place map[string]int, keep *keeper, comment string) ([]printed, []credentials, error) {
	made := func(new credentials, attached bool) {
		p := &all[place[new.domain]]
		p.created, p.attached = true, attached
		p.account = zone.Account{Username: new.Username, Subdomain: new.Subdomain, FullDomain: new.FullDomain, Comment: comment}
	}
	for i, new := range fresh {
		attached, err := n.directory.enroll(ctx, new, comment)
		if err != nil {
			if n.mayBeMade(ctx, new) {
				made(new, attached)
				i++
			}
			return withoutUnmade(all), fresh[:i], errors.Join(fmt.Errorf("%s: %w", new.domain, err), keep.drop(fresh[i:]))
		}
		made(new, attached)
	}
	return all, fresh, nil
}

// lookTime is how long a command looks, after it was interrupted or lost its connection,
// for what has become of its last request.
const lookTime = 5 * time.Second

// mayBeMade reports whether the account is there, or nobody knows, after a request to
// make it has failed: the service completes one whose asker was interrupted, and its
// credentials exist nowhere else.
func (n *cnames) mayBeMade(ctx context.Context, new credentials) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTime)
	defer cancel()
	account, _, err := n.directory.find(ctx, new.domain)
	if err != nil {
		return !errors.Is(err, zone.ErrNoAccount)
	}
	return account.Username == new.Username
}

func withoutUnmade(all []printed) (made []printed) {
	for _, p := range all {
		if p.account.Username != "" {
			made = append(made, p)
		}
	}
	return made
}

// found is for an account that exists: its password is known to a server only, which
// can give one out; here it can't be had again.
func (n *cnames) found(keep *keeper, domain string, account zone.Account, known *credentials) error {
	if keep.file == nil || keep.file.holds(domain, account.Username) {
		return nil
	}
	if known != nil {
		return keep.put([]credentials{*known})
	}
	_, err := fmt.Fprintf(n.stderr, "warning: %s has an account already, whose password can't be shown again and isn't in %s: 'acmezone account rotate %[1]s --storage %[2]s' puts a new one there\n", domain, keep.file.path)
	return err
}

// keeper puts credentials where --storage says, if it says so.
type keeper struct{ file *accountFile }

func openKeeper(c *cli.Context) (*keeper, error) {
	if !c.IsSet("storage") {
		return &keeper{}, nil
	}
	file, err := openAccountFile(c.Context, c.String("storage"))
	return &keeper{file}, err
}

func (k *keeper) put(all []credentials) error {
	if k.file == nil || len(all) == 0 {
		return nil
	}
	return k.file.put(all)
}

func (k *keeper) drop(all []credentials) error {
	if k.file == nil {
		return nil
	}
	var domains []string
	for _, c := range all {
		domains = append(domains, c.domain)
	}
	return k.file.drop(domains)
}

func (k *keeper) close() error {
	if k.file == nil {
		return nil
	}
	return k.file.close()
}
