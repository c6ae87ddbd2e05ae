package dnsserve

import "github.com/miekg/dns"

// rename answers for a name below a DNAME: with that record, and with the CNAME
// made of it, which says the same to those that don't know DNAME (RFC 6672, 3).
func (r *reply) rename(owner wireName, at *node) (next wireName) {
	if r.followed(at.name) {
		return nil // a DNAME that leads below itself
	}
	set := at.get(dns.TypeDNAME)
	r.rrset(answerSection, at.name, set)
	target := wireName(set.data[0].after)
	prefix := owner[:len(owner)-len(at.name)]
	if len(prefix)+len(target) > maxName {
		r.rcode = dns.RcodeYXDomain
		return nil
	}
	next = append(append(make(wireName, 0, maxName), prefix...), target...)
	alias := rrset{rrtype: dns.TypeCNAME, ttl: set.ttl, data: []rdata{{names: []wireName{next}}}}
	r.rrset(answerSection, owner, &alias)
	if r.qtype == dns.TypeCNAME {
		return nil
	}
	r.links = append(r.links, at.name)
	return next
}
