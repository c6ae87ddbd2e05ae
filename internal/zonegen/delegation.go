package zonegen

import (
	"io"
	"strings"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zone"
	"github.com/acmezone/acmezone/templates"
)

// Delegation returns what the parent zone needs: the zone's NS records, and as glue
// the addresses of those name servers that lie in the zone, whose addresses nobody
// could look up otherwise (RFC 1034, 4.2.1). All have the TTL of the NS records. The
// caller owns them.
func Delegation(def *zone.Definition) (ns, glue []dns.RR) {
	for _, rr := range def.Static() {
		if rr, ok := rr.(*dns.NS); ok && rr.Hdr.Name == def.Name() {
			ns = append(ns, dns.Copy(rr))
			glue = append(glue, addresses(def, rr)...)
		}
	}
	return ns, glue
}

// addresses finds none of a host outside the zone: its static records are all inside.
func addresses(def *zone.Definition, ns *dns.NS) []dns.RR {
	var found []dns.RR
	for _, rr := range def.Static() {
		h := rr.Header()
		if h.Name != ns.Ns || h.Rrtype != dns.TypeA && h.Rrtype != dns.TypeAAAA {
			continue
		}
		rr = dns.Copy(rr)
		rr.Header().Ttl = ns.Hdr.Ttl
		found = append(found, rr)
	}
	return found
}

// WriteDelegation writes these records for people, with the comments of the template.
func WriteDelegation(w io.Writer, set *templates.Set, def *zone.Definition) error {
	ns, glue := Delegation(def)
	return set.Delegation(w, templates.Delegation{
		Zone: strings.TrimSuffix(def.Name(), "."), NS: lines(ns), Glue: lines(glue),
	})
}

func lines(records []dns.RR) []string {
	var all []string
	for _, rr := range records {
		all = append(all, rr.String())
	}
	return all
}
