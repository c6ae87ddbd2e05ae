package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// manyDomains is how many of the bound domains are checked where none is named: as many
// as can be asked about within the deadline.
const manyDomains = 200

// boundDomains are those that accounts are bound to, and what is to be said of the
// others.
func (c *checker) boundDomains(ctx context.Context) ([]Domain, []Finding) {
	if c.Accounts == nil {
		return nil, nil
	}
	f := Finding{Check: "accounts", Subject: bare(c.Definition.Name()), Status: Skipped}
	ctx, cancel := context.WithTimeout(ctx, adminTime)
	defer cancel()
	page, err := c.Accounts.Accounts(ctx, zone.AccountFilter{Bound: true, Limit: manyDomains + 1})
	if err != nil {
		f.Message = fmt.Sprintf("which domains have an account couldn't be found out: %s", oneLine(err))
		return nil, []Finding{f}
	}
	var all []Domain
	for _, account := range page {
		for _, name := range account.Domains {
			all = append(all, Domain{Name: name})
		}
	}
	slices.SortFunc(all, func(a, b Domain) int { return strings.Compare(a.Name, b.Name) })
	if len(all) <= manyDomains {
		return all, nil
	}
	f.Message = fmt.Sprintf("there are more than %d domains with an account; the others were not looked at", manyDomains)
	f.Fix = "name those that matter: acmezone check DOMAIN..."
	return all[:manyDomains], []Finding{f}
}

// adminTime is how long the service may take to say something of itself.
const adminTime = 5 * time.Second

func (c *checker) findAccount(ctx context.Context, name string) (zone.Account, error) {
	ctx, cancel := context.WithTimeout(ctx, adminTime)
	defer cancel()
	return c.Accounts.FindAccount(ctx, name)
}

// binding is what is known of the account that a domain is bound to.
type binding struct {
	known  bool   // it is bound to one
	target string // where its challenges belong, with the dot at the end
	err    error  // it couldn't be found out
}

// bound returns the binding of a domain.
func (c *checker) bound(ctx context.Context, d Domain) binding {
	if c.Accounts == nil {
		return binding{}
	}
	account, err := c.findAccount(ctx, d.Name)
	switch {
	case errors.Is(err, zone.ErrNoAccount):
		return binding{}
	case err != nil:
		return binding{err: err}
	}
	return binding{known: true, target: c.Definition.FullName(account.Subdomain) + "."}
}

// owner says in words whose a name in our zone is, and whether that is known to be
// nobody's.
func (c *checker) owner(ctx context.Context, name string) (whose string, nobody bool) {
	account, err := c.findAccount(ctx, bare(name))
	switch {
	case errors.Is(err, zone.ErrNoAccount):
		return "which no account has", true
	case err != nil:
		return "whose account couldn't be found out", false
	case len(account.Domains) == 0:
		return "the account " + account.Username, false
	}
	return "the account of " + strings.Join(account.Domains, ", "), false
}
