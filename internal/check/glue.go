package check

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zonegen"
)

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
