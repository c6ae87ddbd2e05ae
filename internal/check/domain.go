package check

import (
	"context"
	"fmt"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zone"
)

// Domain is one that a certificate is wanted for.
type Domain struct {
	Name     string // in the form of zone.ParseDomain
	Wildcard bool   // a certificate for *.Name
}

// challengeName is where a CA looks, with the dot at the end.
func (d Domain) challengeName() string { return zone.ChallengeOwner(d.Name) }

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
	if zone == c.Definition.Name() {
		return nil // it has a check of its own
	}
	at, _ := c.resolver.zoneServers(ctx, zone) // none: the check of the CNAME says so
	return []Finding{c.dnssec(ctx, zone, at,
		fmt.Sprintf("sign %s again, or delete its DS records at the parent (at the registrar, as a rule)", bare(zone)))}
}

// ours reports whether a name lies in the zone that acmezone serves.
func (c *checker) ours(name string) bool { return dns.IsSubDomain(c.Definition.Name(), name) }
