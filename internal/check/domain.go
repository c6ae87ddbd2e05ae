package check

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Domain is one that a certificate is wanted for.
type Domain struct {
	Name     string // in lower case, without the dot at the end
	Wildcard bool   // a certificate for *.Name
}

// challengeName is where a CA looks, with the dot at the end.
func (d Domain) challengeName() string { return "_acme-challenge." + d.Name + "." }

// targets are the names that the challenges of bound domains belong to, by domain.
type targets map[string]string

func (c *checker) readTargets(ctx context.Context) (targets, error) {
	if c.Accounts == nil {
		return nil, nil
	}
	return c.Accounts.Targets(ctx)
}

// of finds the domain that a full name belongs to.
func (t targets) domain(target string) (string, bool) {
	for domain, name := range t {
		if strings.EqualFold(name, bare(target)) {
			return domain, true
		}
	}
	return "", false
}

// boundDomains are those that accounts are bound to, and what kept them from being
// found.
func (c *checker) boundDomains() ([]Domain, []Finding) {
	bound, err := c.targets()
	if err != nil {
		return nil, []Finding{{Check: "accounts", Subject: bare(c.Definition.Name()), Status: Skipped,
			Message: fmt.Sprintf("which domains have an account couldn't be found out: %v", err)}}
	}
	var all []Domain
	for _, name := range slices.Sorted(maps.Keys(bound)) {
		all = append(all, Domain{Name: name})
	}
	return all, nil
}

// domainSteps are the checks of each domain.
func (c *checker) domainSteps(domains []Domain) []step {
	var steps []step
	for _, d := range domains {
		steps = append(steps,
			step{"cname", d.Name, func(ctx context.Context) []Finding { return c.checkCNAME(ctx, d) }},
			step{"caa", d.Name, func(ctx context.Context) []Finding { return c.checkCAA(ctx, d) }},
			step{"dnssec", d.Name, func(ctx context.Context) []Finding { return c.checkDomainDNSSEC(ctx, d) }},
		)
	}
	return steps
}

// checkDomainDNSSEC looks at the zone that a domain's challenge name lies in.
func (c *checker) checkDomainDNSSEC(ctx context.Context, d Domain) []Finding {
	zone, err := c.resolver.zoneAbove(ctx, d.challengeName())
	if err != nil {
		return []Finding{{Check: "dnssec", Subject: d.Name, Status: Skipped, Message: err.Error()}}
	}
	at, _ := c.resolver.zoneServers(ctx, zone) // none: the check of the CNAME says so
	return []Finding{c.dnssec(ctx, zone, at,
		fmt.Sprintf("sign %s again, or delete its DS records at the parent (at the registrar, as a rule)", bare(zone)))}
}

// ours reports whether a name lies in the zone that acmezone serves.
func (c *checker) ours(name string) bool { return dns.IsSubDomain(c.Definition.Name(), name) }
