package check

import (
	"context"
	"fmt"
	"slices"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zonegen"
)

// checkDelegation asks all servers of the parent zone.
func (c *checker) checkDelegation(ctx context.Context) []Finding {
	apex := c.Definition.Name()
	above, err := c.resolver.zoneAbove(ctx, parent(apex))
	if err == nil {
		var at []server
		if at, err = c.resolver.zoneServers(ctx, above); err == nil {
			refs := parallel(at, func(s server) referral { return c.refer(ctx, s) })
			return c.judgeDelegation(above, refs)
		}
	}
	return []Finding{{Check: "delegation", Subject: bare(apex), Status: Skipped,
		Message: fmt.Sprintf("its parent zone couldn't be found: %v", err)}}
}

// judgeDelegation compares what they say with the zone, and with each other.
func (c *checker) judgeDelegation(above string, refs []referral) []Finding {
	by := make(map[referralKind][]referral)
	for _, r := range refs {
		by[r.kind] = append(by[r.kind], r)
	}
	findings := c.lameParents(above, by[lame], len(refs))
	switch {
	case len(by[delegated]) > 0 && len(by[absent]) > 0:
		return append(findings, c.delegation(Fault,
			fmt.Sprintf("only some servers of %s have the delegation: %s doesn't, %s does", bare(above), names(by[absent]), names(by[delegated])),
			fmt.Sprintf("the copy on %s is behind: raise the serial of %s on its primary, and type there: nsd-control transfer %s", names(by[absent]), bare(above), bare(above))))
	case len(by[absent]) > 0:
		return append(findings, c.delegation(Fault,
			fmt.Sprintf("%s doesn't delegate it: no resolver finds its way here", bare(above)),
			fmt.Sprintf("add what 'acmezone delegation' prints to the zone %s, and raise its serial", bare(above))))
	case len(by[delegated]) > 0:
		return append(findings, c.judgeReferrals(above, by[delegated])...)
	case len(by[answered]) > 0:
		return append(findings, c.judgeNS(above, by[answered])...)
	}
	return findings
}

func (c *checker) delegation(status Status, message, fix string) Finding {
	return Finding{Check: "delegation", Subject: bare(c.Definition.Name()), Status: status, Message: message, Fix: fix}
}

// judgeReferrals looks at NS and glue, which all servers should have alike.
func (c *checker) judgeReferrals(above string, refs []referral) []Finding {
	findings := c.judgeNS(above, refs)
	glue := c.judgeGlue(above, refs[0])
	for _, r := range refs[1:] {
		for _, f := range c.judgeGlue(above, r) {
			if f.Status != OK && !slices.Contains(glue, f) {
				glue = append(glue, f)
			}
		}
	}
	return append(findings, glue...)
}

// judgeNS compares the NS records with zone.nameservers.
func (c *checker) judgeNS(above string, refs []referral) []Finding {
	var want []string
	ns, _ := zonegen.Delegation(c.Definition)
	for _, rr := range ns {
		want = append(want, dns.CanonicalName(rr.(*dns.NS).Ns))
	}
	var findings []Finding
	for _, r := range refs {
		if f := c.compareNS(above, r, want); !slices.Contains(findings, f) {
			findings = append(findings, f)
		}
	}
	if len(findings) > 1 { // some are right
		findings = slices.DeleteFunc(findings, func(f Finding) bool { return f.Status == OK })
	}
	return findings
}

func (c *checker) compareNS(above string, r referral, want []string) Finding {
	missing, extra := without(want, r.ns), without(r.ns, want)
	says := bare(above) + " delegates it to"
	if r.kind == answered {
		says = "the servers of " + bare(above) + " answer for it themselves, with the name servers"
	}
	switch {
	case len(missing) == len(want):
		return c.delegation(Fault, fmt.Sprintf("%s %s, and the zone's name servers are %s", says, list(extra), list(want)),
			fmt.Sprintf("replace the NS records of %s in the zone %s by those that 'acmezone delegation' prints; or set zone.nameservers", bare(c.Definition.Name()), bare(above)))
	case len(extra) > 0:
		return c.delegation(Fault, fmt.Sprintf("%s %s too, no name server of the zone: whoever asks there gets no answer, or a wrong one", says, list(extra)),
			fmt.Sprintf("delete from the zone %s: %s; or add the name to zone.nameservers", bare(above), nsLines(c.Definition.Name(), extra)))
	case len(missing) > 0:
		return c.delegation(Warning, fmt.Sprintf("%s %s, without %s, which is then hardly ever asked", says, list(r.ns), list(missing)),
			fmt.Sprintf("add to the zone %s: %s", bare(above), nsLines(c.Definition.Name(), missing)))
	}
	return c.delegation(OK, says+" "+list(r.ns), "")
}
