package check

import (
	"context"
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// longNegative is the negative TTL beyond which a question that came too early spoils
// more than one try.
const longNegative = time.Hour

// checkCache asks the resolver for what the servers have: it may remember that there was
// nothing (RFC 2308), or something else.
func (j *judge) checkCache(ctx context.Context, v view) Finding {
	f := Finding{Check: "cache", Subject: j.domain.Name, Status: Fault}
	name := j.domain.challengeName()
	answer, err := j.resolver.data(ctx, name, dns.TypeTXT)
	if err != nil {
		return j.unresolved(ctx, f, name, err)
	}
	cnames := records[*dns.CNAME](answer.Answer, name)
	switch {
	case len(cnames) == 0:
		return j.staleNegative(f, v, answer)
	case dns.CanonicalName(cnames[0].Target) != v.target:
		left := time.Duration(cnames[0].Hdr.Ttl) * time.Second
		f.Message = fmt.Sprintf("the resolver %s remembers an older CNAME, to %s, for another %v", j.Options.Resolver, bare(cnames[0].Target), short(left))
		f.Fix = flushFix(j.zone, left)
	case answer.Rcode == dns.RcodeNameError:
		f.Message = fmt.Sprintf("the resolver %s takes the name at the end of the chain for NXDOMAIN", j.Options.Resolver)
		f.Fix = "see the 'idle name' of each server: acmezone check"
	default:
		return j.valid(ctx, f, name)
	}
	return f
}

// valid asks once more, as a CA does: with DNSSEC.
func (c *checker) valid(ctx context.Context, f Finding, name string) Finding {
	_, err := c.resolver.valid(ctx, name, dns.TypeTXT)
	if err != nil && !isServfail(err) {
		return c.unresolved(ctx, f, name, err)
	}
	if err != nil {
		f.Message = fmt.Sprintf("%v, though the data are there: they fail DNSSEC validation somewhere along the chain", err)
		f.Fix = fmt.Sprintf("'acmezone check' and 'delv @%s %s TXT' say which zone", hostOf(c.Options.Resolver), bare(name))
		return f
	}
	f.Status, f.Message = OK, fmt.Sprintf("the resolver %s sees it too", c.Options.Resolver)
	return f
}

func (c *checker) unresolved(ctx context.Context, f Finding, name string, err error) Finding {
	if !c.resolver.gaveUp(ctx, err) {
		f.Status, f.Message = Skipped, err.Error()
		return f
	}
	f.Message = fmt.Sprintf("%v: it can't reach, or doesn't accept, a server along the chain", err)
	f.Fix = fmt.Sprintf("see where it stops: dig @%s +trace %s TXT; 'acmezone check' looks at the servers of %s", hostOf(c.Options.Resolver), bare(name), bare(c.Definition.Name()))
	return f
}

// staleNegative: the SOA record that proves the negative answer carries how long it is
// still remembered.
func (j *judge) staleNegative(f Finding, v view, answer *dns.Msg) Finding {
	said := "that there is no data at"
	if answer.Rcode == dns.RcodeNameError {
		said = "NXDOMAIN for"
	}
	f.Message = fmt.Sprintf("the name servers have the CNAME, but the resolver %s remembers %s %s", j.Options.Resolver, said, bare(j.domain.challengeName()))
	var left time.Duration
	for _, rr := range answer.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			left = time.Duration(soa.Hdr.Ttl) * time.Second
			f.Message += fmt.Sprintf(" for another %s, since it was asked too early", short(left))
		}
	}
	f.Fix = flushFix(j.zone, left)
	if v.negative > longNegative {
		f.Message += fmt.Sprintf("; %s lets that be remembered for %s", bare(j.zone), short(v.negative))
		f.Fix += fmt.Sprintf("; lower the last number of the SOA record of %s (MINIMUM) to 300", bare(j.zone))
	}
	return f
}

// flushFix has no more to offer than patience for a resolver of somebody else's.
func flushFix(zone string, left time.Duration) string {
	wait := "a minute"
	if left > time.Minute {
		wait = fmt.Sprintf("%d minutes", int((left+time.Minute-1)/time.Minute))
	}
	return fmt.Sprintf("wait %s, or flush it on the resolver: unbound-control flush_zone %s", wait, bare(zone))
}
