package dnsserve

import "github.com/miekg/dns"

// refer points to the servers of a delegated zone. The answer isn't ours then,
// unless a CNAME of ours led there.
func (r *reply) refer(cut *node) {
	r.aa = r.counts[answerSection] > 0
	servers := cut.get(dns.TypeNS)
	r.rrset(authoritySection, cut.name, servers)
	for i := range servers.data {
		if host := servers.data[i].names[0]; host.within(cut.name) {
			r.glue(host) // without it nobody can get on, so it must fit (RFC 9471)
		}
	}
	for i := range servers.data {
		if host := servers.data[i].names[0]; !host.within(cut.name) {
			r.optional(host)
		}
	}
}

// addresses adds the addresses of name servers, as far as they fit.
func (r *reply) addresses(servers *rrset) {
	for i := range servers.data {
		r.optional(servers.data[i].names[0])
	}
}

func (r *reply) optional(host wireName) {
	if r.full {
		return
	}
	before := r.mark()
	if r.glue(host); r.full {
		r.rewind(before)
	}
}

// glue adds the addresses that the zone's static records hold of a host.
func (r *reply) glue(host wireName) {
	var lowered [maxName]byte
	n := r.zone.nodes[string(host.appendLower(lowered[:0]))]
	for _, rrtype := range [...]uint16{dns.TypeA, dns.TypeAAAA} {
		if set := n.get(rrtype); set != nil {
			r.rrset(additionalSection, host, set)
		}
	}
}
