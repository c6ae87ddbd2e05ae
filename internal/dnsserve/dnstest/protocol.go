package dnstest

import "github.com/miekg/dns"

// Protocol are the cases of which form an answer has: EDNS (RFC 6891), sizes, ANY
// (RFC 8482), opcodes, cookies (RFC 7873), keepalive (RFC 7828).
func Protocol() []Case {
	var cases []Case
	for _, part := range [][]Case{sizes(), anyType(), opcodes(), extensions()} {
		cases = append(cases, part...)
	}
	return cases
}

// huge is over 1232 octets, many is between 512 and that.
func huge() []string {
	return []string{
		"huge TXT " + long('1') + " " + long('2') + " " + long('3'),
		"huge TXT " + long('4') + " " + long('5') + " " + long('6'),
	}
}

func many() []string { return []string{"many TXT " + long('1'), "many TXT " + long('2')} }

func sizes() []Case {
	cut := Response{Flags: "qr aa tc"}
	cutWithOPT := Response{Flags: "qr aa tc", OPT: "-"}
	sized := func(name string, size uint16) Query { return Query{Name: name, Type: "TXT", EDNS: true, Size: size} }
	return []Case{
		{Name: "over 512 octets without EDNS", Query: ask("many", "TXT"), Want: cut, Own: true},
		{Name: "over 512 octets, 512 asked", Query: sized("many", 512), Want: cutWithOPT, Own: true},
		{Name: "over 512 octets, size 0 means 512", Query: sized("many", 1), Want: cutWithOPT, Own: true},
		{Name: "a size under 512 means 512", Query: sized(Six, 100), Want: Response{Flags: "qr aa", Answer: six(), OPT: "-"}},
		{Name: "over 512 octets, 1232 asked", Query: sized("many", 1232), Want: Response{Flags: "qr aa", Answer: many(), OPT: "-"}},
		{Name: "over 1232 octets, whatever is asked", Query: sized("huge", 65535), Want: cutWithOPT, Own: true},
		{Name: "over 1232 octets over TCP", Query: Query{Name: "huge", Type: "TXT", TCP: true}, Want: positive(huge()...)},
		{Name: "over 1232 octets over TCP, 512 asked", Query: Query{Name: "huge", Type: "TXT", TCP: true, EDNS: true, Size: 512},
			Want: Response{Flags: "qr aa", Answer: huge(), OPT: "-"}},
	}
}

func anyType() []Case {
	over := func(name string) Query { return Query{Name: name, Type: "ANY", TCP: true} }
	return []Case{
		{Name: "ANY at a static name over UDP", Query: ask("www2", "ANY"), Own: true, Want: positive("www2 A 192.0.2.2")},
		{Name: "ANY at a static name over TCP", Query: over("www2"), Own: true,
			Want: positive("www2 A 192.0.2.2", "www2 AAAA 2001:db8::2")},
		{Name: "ANY at a live name over UDP", Query: ask(Live, "ANY"), Own: true,
			Want: positive(Live+" 1 TXT "+Value(0), Live+" 1 TXT "+Value(1))},
		{Name: "ANY at a live name over TCP", Query: over("merged"), Own: true,
			Want: positive("merged 1 TXT fixed", "merged 1 TXT "+Value(4))},
		{Name: "ANY at the apex over UDP", Query: ask("@", "ANY"), Own: true, Want: positive("@ NS @", "@ NS ns2.example.net.")},
		{Name: "ANY at the apex over TCP", Query: over("@"), Own: true, Want: positive(
			SOA, "@ NS @", "@ NS ns2.example.net.", "@ A 198.51.100.1", "@ AAAA 2001:db8::93", "@ MX 10 Mail",
			`@ TXT "Static Text"`, `@ CAA 0 issue "CA.example; accounturi=https://CA.example/Acct/1"`)},
		{Name: "ANY at an empty non-terminal", Query: ask("ent", "ANY"), Own: true, Want: negative()},
		{Name: "ANY at a live empty non-terminal", Query: ask("host", "ANY"), Own: true, Want: negative()},
		{Name: "ANY at an idle name", Query: ask("nobody-knows", "ANY"), Own: true,
			Want: positive(`nobody-knows 2 HINFO "acmezone" "idle name"`)},
		{Name: "ANY at a CNAME", Query: over("first"), Own: true, Want: positive("first CNAME second")},
	}
}

func opcodes() []Case {
	refused := Response{Rcode: "REFUSED", Flags: "qr"}
	notimp := Response{Rcode: "NOTIMP", Flags: "qr"}
	return []Case{
		{Name: "NOTIFY", Query: Query{Name: "@", Type: "SOA", Opcode: dns.OpcodeNotify, Flags: AA}, Want: notimp, Own: true},
		{Name: "UPDATE", Query: Query{Name: "@", Type: "SOA", Opcode: dns.OpcodeUpdate}, Want: notimp, Own: true},
		{Name: "STATUS, with EDNS", Query: Query{Name: "@", Type: "SOA", Opcode: dns.OpcodeStatus, EDNS: true, Flags: RD},
			Want: notimp, Own: true},
		{Name: "AXFR over UDP", Query: ask("@", "AXFR"), Want: refused, Own: true},
		{Name: "AXFR over TCP", Query: Query{Name: "@", Type: "AXFR", TCP: true}, Want: refused, Own: true},
		{Name: "IXFR over TCP", Query: Query{Name: "@", Type: "IXFR", TCP: true}, Want: refused, Own: true},
	}
}

func extensions() []Case {
	soaWith := func(options ...dns.EDNS0) Query { return Query{Name: "@", Type: "SOA", EDNS: true, Options: options} }
	cookie := func(octets int) Query { return soaWith(unknown(dns.EDNS0COOKIE, octets)) }
	fine := Response{Flags: "qr aa", Answer: []string{SOA}, OPT: "-"}
	given := Response{Flags: "qr aa", Answer: []string{SOA}, OPT: serverCookie}
	bad := Response{Rcode: "FORMERR", Flags: "qr", OPT: "-"}
	keepalive := unknown(dns.EDNS0TCPKEEPALIVE, 0)
	return []Case{
		{Name: "client cookie", Query: cookie(8), Want: given, Own: true},
		{Name: "client and server cookie", Query: cookie(16), Want: given, Own: true},
		{Name: "longest cookie", Query: cookie(40), Want: given, Own: true},
		{Name: "cookie of no octets", Query: cookie(0), Want: bad, Own: true},
		{Name: "cookie of 7 octets", Query: cookie(7), Want: bad, Own: true},
		{Name: "cookie of 9 octets", Query: cookie(9), Want: bad, Own: true},
		{Name: "cookie of 15 octets", Query: cookie(15), Want: bad, Own: true},
		{Name: "cookie of 41 octets", Query: cookie(41), Want: bad, Own: true},
		{Name: "two cookies", Query: soaWith(unknown(dns.EDNS0COOKIE, 8), unknown(dns.EDNS0COOKIE, 7)), Want: given, Own: true},
		{Name: "cookie in a question for what isn't ours", Own: true,
			Query: Query{Name: "a.test.", Type: "A", EDNS: true, Options: []dns.EDNS0{unknown(dns.EDNS0COOKIE, 8)}},
			Want:  Response{Rcode: "REFUSED", Flags: "qr", OPT: serverCookie + " 15:20 (Not Authoritative): ()"}},
		{Name: "cookie over TCP", Query: Query{Name: "@", Type: "SOA", TCP: true, EDNS: true, Options: []dns.EDNS0{unknown(dns.EDNS0COOKIE, 8)}},
			Want: given, Own: true},
		{Name: "bad cookie in another version", Query: Query{Name: "@", Type: "SOA", EDNS: true, Version: 1,
			Options: []dns.EDNS0{unknown(dns.EDNS0COOKIE, 7)}}, Want: badVersion(), Own: true},
		{Name: "keepalive over UDP is ignored", Query: soaWith(keepalive), Want: fine, Own: true},
		{Name: "keepalive over TCP", Query: Query{Name: "@", Type: "SOA", TCP: true, EDNS: true, Options: []dns.EDNS0{keepalive}},
			Want: Response{Flags: "qr aa", Answer: []string{SOA}, OPT: "11:use tcp keep-alive, timeout 10000ms"}, Own: true},
		{Name: "TCP without keepalive asked", Query: Query{Name: "@", Type: "SOA", TCP: true, EDNS: true}, Want: fine, Own: true},
	}
}

// serverCookie is what comes back to a client cookie of zeros.
const serverCookie = "10:0000000000000000 and a server cookie of version 01, 16 octets"

func unknown(code uint16, octets int) dns.EDNS0 {
	return &dns.EDNS0_LOCAL{Code: code, Data: make([]byte, octets)}
}

// badVersion is what answers EDNS of another version; RcodeToString has the name
// of a TSIG error for the same number.
func badVersion() Response { return Response{Rcode: "BADSIG", Flags: "qr", OPT: "-"} }
