package check

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/miekg/dns"
)

// referral is what one server of the parent zone says of the delegation.
type referral struct {
	server server
	kind   referralKind
	said   string   // kind lame: what it answers
	err    error    // kind lame: why it answers nothing
	ns     []string // canonical names
	glue   []dns.RR
}

type referralKind int

const (
	lame      referralKind = iota // it doesn't answer for the parent zone
	delegated                     // it names the servers of the zone
	absent                        // it says that there is no delegation
	answered                      // it is a server of the zone itself
)

// refer asks a server of the parent for the NS records.
func (c *checker) refer(ctx context.Context, s server) referral {
	r := referral{server: s}
	apex := c.Definition.Name()
	answer, err := c.asker.ask(ctx, s.addr, question{name: apex, rrtype: dns.TypeNS})
	if err != nil {
		r.said, r.err = err.Error(), err
		return r
	}
	section := answer.Ns
	r.kind = delegated
	if own := records[*dns.NS](answer.Answer, apex); len(own) > 0 {
		section, r.kind = answer.Answer, answered
	}
	for _, ns := range records[*dns.NS](section, apex) {
		r.ns = append(r.ns, dns.CanonicalName(ns.Ns))
	}
	slices.Sort(r.ns)
	r.glue = answer.Extra
	switch {
	case len(r.ns) > 0:
	case answer.Authoritative && (answer.Rcode == dns.RcodeSuccess || answer.Rcode == dns.RcodeNameError):
		r.kind = absent
	default:
		r.kind, r.said = lame, dns.RcodeToString[answer.Rcode]
	}
	return r
}

// lameParents are the parent's own trouble, as long as others answer.
func (c *checker) lameParents(above string, refs []referral, of int) []Finding {
	var findings []Finding
	for _, r := range refs {
		if errors.Is(r.err, errNoRoute) {
			continue
		}
		findings = append(findings, Finding{Check: "parent server", Subject: r.server.String(), Status: Warning,
			Message: fmt.Sprintf("a name server of %s, but: %s", bare(above), r.said), Fix: "tell those who run " + bare(above)})
	}
	if len(refs) == of {
		findings = append(findings, c.delegation(Skipped, fmt.Sprintf("no server of %s could be asked", bare(above)), ""))
	}
	return findings
}
