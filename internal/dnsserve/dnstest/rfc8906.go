package dnstest

import (
	"net"

	"github.com/miekg/dns"
)

// RFC8906 is the list of RFC 8906, section 8, in its order, and some more in its vein.
func RFC8906() []Case {
	return append(basic(), extended()...)
}

// basic is section 8.1: plain DNS.
func basic() []Case {
	soa := func(flags uint16) Query { return Query{Name: "@", Type: "SOA", Flags: flags} }
	fine := positive(SOA)
	opcode := func(flags uint16) Query { return Query{HeaderOnly: true, Opcode: 15, Flags: flags} }
	notimp := Response{Rcode: "NOTIMP", Flags: "qr"}
	return []Case{
		{Name: "8.1.1 plain query", Query: soa(0), Want: fine},
		{Name: "8.1.2 unknown type", Query: ask("@", "TYPE1000"), Want: negative()},
		{Name: "8.1.3.1 CD", Query: soa(CD), Want: fine, Own: true},
		{Name: "8.1.3.2 AD", Query: soa(AD), Want: fine},
		{Name: "8.1.3.3 reserved bit", Query: soa(Z), Want: fine},
		{Name: "8.1.3.4 RD", Query: soa(RD), Want: Response{Flags: "qr aa rd", Answer: []string{SOA}}},
		{Name: "AA in a query", Query: soa(AA), Want: fine},
		{Name: "TC in a query", Query: soa(TC), Want: fine},
		{Name: "RA in a query", Query: soa(RA), Want: fine},
		{Name: "8.1.4 unknown opcode", Query: opcode(0), Want: notimp},
		{Name: "8.1.4 unknown opcode with flags", Query: opcode(AA | TC | RD | RA | Z | AD | CD), Want: notimp, Own: true},
		{Name: "8.1.5 TCP", Query: Query{Name: "@", Type: "SOA", TCP: true}, Want: fine},
	}
}

// extended is section 8.2: EDNS.
func extended() []Case {
	soa := func(change func(*Query)) Query {
		q := Query{Name: "@", Type: "SOA", EDNS: true}
		change(&q)
		return q
	}
	with := func(options ...dns.EDNS0) func(*Query) { return func(q *Query) { q.Options = options } }
	fine := Response{Flags: "qr aa", Answer: []string{SOA}, OPT: "-"}
	given := Response{Flags: "qr aa", Answer: []string{SOA}, OPT: serverCookie}
	withDO := Response{Flags: "qr aa", Answer: []string{SOA}, OPT: "-", DO: true}
	none := Response{Flags: "qr aa", Ns: []string{SOA}, OPT: "-", DO: true}
	odd := unknown(100, 3)
	nsid := &dns.EDNS0_NSID{Code: dns.EDNS0NSID}
	subnet := &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, Address: net.IPv4zero}
	expire := &dns.EDNS0_EXPIRE{Code: dns.EDNS0EXPIRE, Empty: true}
	cookie := unknown(dns.EDNS0COOKIE, 8)
	return []Case{
		{Name: "8.2.1 minimal EDNS", Query: soa(func(q *Query) {}), Want: fine},
		{Name: "8.2.2 EDNS version", Query: soa(func(q *Query) { q.Version = 1 }), Want: badVersion()},
		{Name: "8.2.3 unknown EDNS option", Query: soa(with(odd)), Want: fine},
		{Name: "8.2.4 unknown EDNS flags", Query: soa(func(q *Query) { q.Z = 0x40 }), Want: fine},
		{Name: "8.2.5 unknown version with unknown flags", Query: soa(func(q *Query) { q.Version, q.Z = 1, 0x40 }), Want: badVersion()},
		{Name: "8.2.6 unknown version with unknown option",
			Query: soa(func(q *Query) { q.Version, q.Options = 1, []dns.EDNS0{odd} }), Want: badVersion()},
		{Name: "8.2.7 DNSKEY at 512 octets", Query: Query{Name: "@", Type: "DNSKEY", EDNS: true, Size: 512, DO: true}, Want: none},
		{Name: "8.2.8 DO", Query: soa(func(q *Query) { q.DO = true }), Want: withDO},
		{Name: "8.2.9 unknown version with DO", Query: soa(func(q *Query) { q.Version, q.DO = 1, true }),
			Want: Response{Rcode: "BADSIG", Flags: "qr", OPT: "-", DO: true}, Own: true},
		{Name: "8.2.10 several defined options", Query: soa(with(nsid, subnet, expire, cookie)), Want: given, Own: true},
		{Name: "NSID alone", Query: soa(with(nsid)), Want: fine, Own: true},
		{Name: "client subnet alone", Query: soa(with(subnet)), Want: fine, Own: true},
		{Name: "EXPIRE alone", Query: soa(with(expire)), Want: fine, Own: true},
		{Name: "COOKIE alone", Query: soa(with(cookie)), Want: given, Own: true},
		{Name: "COOKIE and unknown version", Query: soa(func(q *Query) { q.Version, q.Options = 1, []dns.EDNS0{cookie} }),
			Want: badVersion(), Own: true},
		{Name: "DNSKEY over TCP", Query: Query{Name: "@", Type: "DNSKEY", TCP: true, EDNS: true, DO: true}, Want: none},
	}
}
