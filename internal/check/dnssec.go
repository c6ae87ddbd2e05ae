package check

import (
	"context"
	"fmt"

	"github.com/miekg/dns"
)

// checkOwnDNSSEC looks whether resolvers that validate take what the zone's servers
// say.
func (c *checker) checkOwnDNSSEC(ctx context.Context) []Finding {
	apex := c.Definition.Name()
	return []Finding{c.dnssec(ctx, apex, servers(c.zoneHosts(ctx)),
		fmt.Sprintf("delete the DS records of %s at its parent zone (at the registrar, if that is where you set them): acmezone doesn't sign", bare(apex)))}
}

// dnssec compares the DS records of a zone with its answers.
func (c *checker) dnssec(ctx context.Context, zone string, at []server, unsignedFix string) Finding {
	f := Finding{Check: "dnssec", Subject: bare(zone), Status: Skipped}
	answer, err := c.resolver.data(ctx, zone, dns.TypeDS)
	if err != nil {
		f.Message = fmt.Sprintf("whether the parent has a DS record couldn't be found out: %v", err)
		return f
	}
	signed := len(records[*dns.DS](answer.Answer, zone)) > 0
	if !signed && !nothingThere(answer) {
		f.Message = c.resolver.notProven(question{name: zone, rrtype: dns.TypeDS}).Error()
		return f
	}
	if !signed {
		f.Status, f.Message = OK, "not signed, and its parent has no DS record"
		return f
	}
	if s, unsigned := c.unsigned(ctx, zone, at); unsigned {
		f.Status, f.Fix = Fault, unsignedFix
		f.Message = fmt.Sprintf("its parent has a DS record, but %s answers without signatures: validating resolvers, CAs' among them, answer SERVFAIL", s)
		return f
	}
	return c.validated(ctx, f, zone)
}

// unsigned finds a server whose answers have no signatures.
func (c *checker) unsigned(ctx context.Context, zone string, at []server) (server, bool) {
	found := parallel(at, func(s server) bool {
		answer, err := c.asker.ask(ctx, s.addr, question{name: zone, rrtype: dns.TypeSOA, dnssec: true})
		return err == nil && len(records[*dns.SOA](answer.Answer, zone)) > 0 && len(records[*dns.RRSIG](answer.Answer, zone)) == 0
	})
	for i, is := range found {
		if is {
			return at[i], true
		}
	}
	return server{}, false
}

// validated asks the resolver whether the signatures are good.
func (c *checker) validated(ctx context.Context, f Finding, zone string) Finding {
	valid, err := c.resolver.valid(ctx, zone, dns.TypeSOA)
	_, dataErr := c.resolver.data(ctx, zone, dns.TypeSOA)
	switch {
	case isServfail(err) && dataErr == nil:
		f.Status, f.Message = Fault, "it is signed, but the signatures don't hold (expired, or made with a key that the DS record isn't for): validating resolvers, CAs' among them, answer SERVFAIL"
		f.Fix = fmt.Sprintf("sign it again, or delete its DS records at the parent; 'delv @%s %s SOA' says more", hostOf(c.Options.Resolver), bare(zone))
	case err != nil:
		f.Message = err.Error()
	case !valid.AuthenticatedData:
		f.Message = fmt.Sprintf("it is signed, but the resolver %s doesn't validate; name one that does: acmezone check --resolver ADDRESS", c.Options.Resolver)
	default:
		f.Status, f.Message = OK, "signed, and the signatures hold"
	}
	return f
}
