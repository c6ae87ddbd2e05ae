package check

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zonegen"
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

// judgeGlue compares the addresses that come with a referral with those of
// zone.records. Hosts that lie elsewhere have no need of any.
func (c *checker) judgeGlue(above string, r referral) []Finding {
	_, glue := zonegen.Delegation(c.Definition)
	var findings []Finding
	for _, name := range r.ns {
		if !dns.IsSubDomain(c.Definition.Name(), name) {
			continue
		}
		want, got := addressesOf(name, glue), addressesOf(name, r.glue)
		findings = append(findings, c.compareGlue(above, name, want, got))
	}
	return findings
}

func (c *checker) compareGlue(above, name string, want, got []netip.Addr) Finding {
	f := Finding{Check: "glue", Subject: bare(name), Status: Fault}
	missing, extra := without(want, got), without(got, want)
	switch {
	case len(want) == 0:
		f.Message = "the name server lies in the zone and has no address there"
		f.Fix = fmt.Sprintf("add its A or AAAA record to zone.records, and what 'acmezone delegation' prints then to the zone %s", bare(above))
	case len(got) == 0:
		f.Message = fmt.Sprintf("glue is missing in %s: the name server lies in the zone itself, so nobody finds its address", bare(above))
		f.Fix = fmt.Sprintf("add to the zone %s: %s", bare(above), glueLines(name, want))
	case len(extra) > 0:
		f.Message = fmt.Sprintf("the glue in %s is %s, and zone.records has %s", bare(above), list(extra), list(want))
		f.Fix = fmt.Sprintf("in the zone %s, delete: %s", bare(above), glueLines(name, extra))
		if len(missing) > 0 {
			f.Fix += "; add: " + glueLines(name, missing)
		}
	case len(missing) > 0:
		f.Status = Warning
		f.Message = fmt.Sprintf("the glue in %s lacks %s", bare(above), list(missing))
		f.Fix = fmt.Sprintf("add to the zone %s: %s", bare(above), glueLines(name, missing))
	default:
		f.Status, f.Message = OK, list(got)
	}
	return f
}

func addressesOf(name string, section []dns.RR) []netip.Addr {
	var all []netip.Addr
	for _, rr := range section {
		if addr, ok := address(rr); ok && strings.EqualFold(rr.Header().Name, name) {
			all = append(all, addr)
		}
	}
	return all
}

// without returns what is in a and not in b.
func without[T comparable](a, b []T) []T {
	var left []T
	for _, x := range a {
		if !slices.Contains(b, x) {
			left = append(left, x)
		}
	}
	return left
}

// list names things for people.
func list[T any](items []T) string {
	var all []string
	for _, item := range items {
		all = append(all, bare(fmt.Sprint(item)))
	}
	return strings.Join(all, ", ")
}

func names(refs []referral) string {
	var all []server
	for _, r := range refs {
		all = append(all, r.server)
	}
	return list(all)
}

// nsLines are records as they are written in a zone file, one after the other.
func nsLines(apex string, hosts []string) string {
	var all []string
	for _, h := range hosts {
		all = append(all, apex+" IN NS "+h)
	}
	return strings.Join(all, " ; ")
}

func glueLines(name string, addrs []netip.Addr) string {
	var all []string
	for _, addr := range addrs {
		rrtype := "AAAA"
		if addr.Is4() {
			rrtype = "A"
		}
		all = append(all, fmt.Sprintf("%s IN %s %s", name, rrtype, addr))
	}
	return strings.Join(all, " ; ")
}
