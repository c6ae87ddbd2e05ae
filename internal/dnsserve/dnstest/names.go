package dnstest

// Names are the cases of which name holds what: RFC 1034, 2308, 4592, 6672, 8020.
func Names() []Case {
	var cases []Case
	for _, part := range [][]Case{apex(), live(), wildcards(), aliases(), delegations(), renamed(), foreign()} {
		cases = append(cases, part...)
	}
	return cases
}

// positive, negative and nonexistent are what most answers look like.
func positive(records ...string) Response { return Response{Flags: "qr aa", Answer: records} }
func negative() Response                  { return Response{Flags: "qr aa", Ns: []string{SOA}} }
func nonexistent() Response {
	return Response{Rcode: "NXDOMAIN", Flags: "qr aa", Ns: []string{SOA}}
}

func ask(name, rrtype string) Query { return Query{Name: name, Type: rrtype} }

func apex() []Case {
	return []Case{
		{Name: "SOA at the apex", Query: ask("@", "SOA"), Want: positive(SOA)},
		{Name: "NS at the apex", Query: ask("@", "NS"), Own: true, Want: Response{
			Flags:  "qr aa",
			Answer: []string{"@ NS @", "@ NS ns2.example.net."},
			Extra:  []string{"@ A 198.51.100.1", "@ AAAA 2001:db8::93"},
		}},
		{Name: "A at the apex", Query: ask("@", "A"), Want: positive("@ A 198.51.100.1")},
		{Name: "TXT at the apex keeps its case", Query: ask("@", "TXT"), Want: positive(`@ TXT "Static Text"`)},
		{Name: "CAA keeps its case", Query: ask("@", "CAA"),
			Want: positive(`@ CAA 0 issue "CA.example; accounturi=https://CA.example/Acct/1"`)},
		{Name: "MX keeps its case", Query: ask("@", "MX"), Want: positive("@ MX 10 Mail")},
		{Name: "DS at the apex is the parent's", Query: ask("@", "DS"), Want: negative()},
		{Name: "DNSKEY at the apex of an unsigned zone", Query: ask("@", "DNSKEY"), Want: negative()},
		{Name: "CNAME at the apex", Query: ask("@", "CNAME"), Want: negative()},
		{Name: "static record deep down keeps its case", Query: ask("key._domainkey", "TXT"),
			Want: positive(`key._domainkey TXT "v=DKIM1; p=AbCdEf"`)},
		{Name: "owner asked in another case", Query: ask("WWW2", "A"), Want: positive("WWW2 A 192.0.2.2")},
		{Name: "SRV", Query: ask("srv", "SRV"), Own: true, Want: positive("srv SRV 1 2 443 www2")},
		{Name: "type without a name", Query: ask("odd", "TYPE65280"), Want: positive(`odd TYPE65280 \# 4 01020304`)},
		{Name: "another type at a static name", Query: ask("www2", "MX"), Want: negative()},
		{Name: "CAA where there is none", Query: ask("www2", "CAA"), Want: negative()},
		{Name: "CAA at a live name", Query: ask(Live, "CAA"), Want: negative()},
		{Name: "CAA at an idle name", Query: ask("nobody-knows", "CAA"), Want: negative()},
	}
}

func live() []Case {
	return []Case{
		{Name: "two live values", Query: ask(Live, "TXT"),
			Want: positive(Live+" 1 TXT "+Value(0), Live+" 1 TXT "+Value(1))},
		{Name: "six live values fit into 512 octets", Query: ask(Six, "TXT"), Want: positive(six()...)},
		{Name: "six live values fit into 512 octets with EDNS and DO",
			Query: Query{Name: Six, Type: "TXT", EDNS: true, Size: 512, DO: true},
			Want:  Response{Flags: "qr aa", Answer: six(), OPT: "-", DO: true}},
		{Name: "A at a live name", Query: ask(Live, "A"), Want: negative()},
		{Name: "AAAA at a live name", Query: ask(Live, "AAAA"), Want: negative()},
		{Name: "CNAME at a live name", Query: ask(Live, "CNAME"), Want: negative()},
		{Name: "SOA at a live name", Query: ask(Live, "SOA"), Want: negative()},
		{Name: "NS at a live name", Query: ask(Live, "NS"), Want: negative()},
		{Name: "HINFO at a live name", Query: ask(Live, "HINFO"), Want: negative()},
		{Name: "below a live name", Query: ask("x."+Live, "TXT"), Want: nonexistent()},
		{Name: "TXT at an idle name", Query: ask("nobody-knows", "TXT"), Want: negative()},
		{Name: "A at an idle name", Query: ask("nobody-knows", "A"), Want: negative()},
		{Name: "CNAME at an idle name", Query: ask("nobody-knows", "CNAME"), Want: negative()},
		{Name: "SOA at an idle name", Query: ask("nobody-knows", "SOA"), Want: negative()},
		{Name: "below an idle name", Query: ask("x.nobody-knows", "TXT"), Want: negative()},
		{Name: "what makes idle names exist", Query: ask("nobody-knows", "HINFO"),
			Want: positive(`nobody-knows 2 HINFO "acmezone" "idle name"`)},
		{Name: "the service's own challenge at the apex", Query: ask("_acme-challenge", "TXT"),
			Want: positive("_acme-challenge 1 TXT " + Value(2))},
		{Name: "the service's own challenge below", Query: ask("_acme-challenge.host", "TXT"),
			Want: positive("_acme-challenge.host 1 TXT " + Value(3))},
		{Name: "the service's own challenge at depth", Query: ask("_acme-challenge.api.at.depth", "TXT"),
			Want: positive("_acme-challenge.api.at.depth 1 TXT " + Value(5))},
		{Name: "the empty non-terminal right above it", Query: ask("api.at.depth", "AAAA"), Want: negative()},
		{Name: "the one at the top of its branch", Query: ask("depth", "TXT"), Want: negative()},
		{Name: "beside it at depth", Query: ask("_acme-challenge.other.at.depth", "TXT"), Want: nonexistent()},
		{Name: "empty non-terminal above a live name", Query: ask("host", "A"), Want: negative()},
		{Name: "HINFO at an empty non-terminal above a live name", Query: ask("host", "HINFO"), Want: negative()},
		{Name: "beside a live name at an empty non-terminal", Query: ask("x.host", "TXT"), Want: nonexistent()},
		{Name: "static and live values are one RRset", Query: ask("merged", "TXT"),
			Want: positive("merged 1 TXT fixed", "merged 1 TXT "+Value(4))},
		{Name: "a dot inside a label is no separator", Query: ask(`_acme-challenge\.host`, "TXT"), Want: negative()},
	}
}

func six() []string {
	var records []string
	for i := range 6 {
		records = append(records, Six+" 1 TXT "+Value(i))
	}
	return records
}

func wildcards() []Case {
	return []Case{
		{Name: "wildcard", Query: ask("Any.wild", "A"), Want: positive("Any.wild A 192.0.2.9")},
		{Name: "wildcard, two labels", Query: ask("a.b.wild", "TXT"), Want: positive("a.b.wild TXT Wild")},
		{Name: "wildcard without that type", Query: ask("any.wild", "AAAA"), Want: negative()},
		{Name: "the wildcard itself", Query: ask("*.wild", "A"), Want: positive("*.wild A 192.0.2.9")},
		{Name: "a name beside the wildcard", Query: ask("there.wild", "A"), Want: positive("there.wild A 192.0.2.10")},
		{Name: "a name beside the wildcard blocks it", Query: ask("there.wild", "TXT"), Want: negative()},
		{Name: "below a name beside the wildcard", Query: ask("x.there.wild", "A"), Want: nonexistent()},
		{Name: "an empty non-terminal blocks the wildcard", Query: ask("there2.wild", "A"), Want: negative()},
		{Name: "below an empty non-terminal beside the wildcard", Query: ask("x.there2.wild", "A"), Want: nonexistent()},
		{Name: "the name above a wildcard", Query: ask("wild", "A"), Want: negative()},
		{Name: "a wildcard two labels below an empty non-terminal", Query: ask("y.ewild.x", "A"),
			Want: positive("y.ewild.x A 192.0.2.12")},
		{Name: "empty non-terminals", Query: ask("ent", "A"), Want: negative()},
		{Name: "empty non-terminals, further down", Query: ask("b.ent", "TXT"), Want: negative()},
		{Name: "beside an empty non-terminal", Query: ask("c.ent", "A"), Want: nonexistent()},
		{Name: "an asterisk further left is a label as any other", Query: ask("*.b.ent", "A"), Want: nonexistent()},
		{Name: "wildcard CNAME", Query: ask("x.cwild", "A"), Want: positive("x.cwild CNAME www2", "www2 A 192.0.2.2")},
		{Name: "wildcard CNAME itself", Query: ask("x.cwild", "CNAME"), Want: positive("x.cwild CNAME www2")},
		{Name: "wildcard CNAME to a live name", Query: ask("x.lwild", "TXT"),
			Want: positive("x.lwild CNAME "+Live, Live+" 1 TXT "+Value(0), Live+" 1 TXT "+Value(1))},
	}
}

func aliases() []Case {
	return []Case{
		{Name: "CNAME out of the zone", Query: ask("www", "A"), Want: positive("www CNAME Target.Example.NET.")},
		{Name: "CNAME asked for", Query: ask("first", "CNAME"), Want: positive("first CNAME second")},
		{Name: "chain of CNAMEs", Query: ask("first", "AAAA"),
			Want: positive("first CNAME second", "second CNAME www2", "www2 AAAA 2001:db8::2")},
		{Name: "chain of CNAMEs to no data", Query: ask("first", "TXT"), Want: Response{
			Flags: "qr aa", Answer: []string{"first CNAME second", "second CNAME www2"}, Ns: []string{SOA}}},
		{Name: "CNAME to a live name", Query: ask("tolive", "TXT"),
			Want: positive("tolive CNAME "+Live, Live+" 1 TXT "+Value(0), Live+" 1 TXT "+Value(1))},
		{Name: "CNAME to an idle name", Query: ask("toidle", "TXT"), Want: Response{
			Flags: "qr aa", Answer: []string{"toidle CNAME nobody-knows"}, Ns: []string{SOA}}},
		{Name: "CNAME to a name that doesn't exist", Query: ask("tonowhere", "A"), Want: Response{
			Rcode: "NXDOMAIN", Flags: "qr aa", Answer: []string{"tonowhere CNAME no.www2"}, Ns: []string{SOA}}},
		{Name: "CNAME loop", Query: ask("loop1", "A"), Want: positive("loop1 CNAME loop2", "loop2 CNAME loop1")},
		{Name: "CNAME to itself", Query: ask("self", "A"), Want: positive("self CNAME self")},
		{Name: "below a CNAME", Query: ask("x.first", "A"), Want: nonexistent()},
	}
}

func delegations() []Case {
	sub := []string{"sub NS Ns1.sub", "sub NS ns.example.net."}
	glue := []string{"Ns1.sub A 192.0.2.53", "Ns1.sub AAAA 2001:db8::53"}
	referral := Response{Flags: "qr", Ns: sub, Extra: glue}
	return []Case{
		{Name: "at a delegation", Query: ask("sub", "A"), Want: referral},
		{Name: "NS at a delegation", Query: ask("sub", "NS"), Want: referral},
		{Name: "below a delegation", Query: ask("a.b.sub", "TXT"), Want: referral},
		{Name: "glue is not ours to answer", Query: ask("ns1.sub", "A"), Want: Response{
			Flags: "qr", Ns: sub, Extra: []string{"ns1.sub A 192.0.2.53", "ns1.sub AAAA 2001:db8::53"}}},
		{Name: "DS at a delegation is ours", Query: ask("sub", "DS"), Want: positive(
			"sub DS 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF")},
		{Name: "DS at a delegation without one", Query: ask("far", "DS"), Want: negative()},
		{Name: "DS below a delegation", Query: ask("x.sub", "DS"), Want: referral},
		{Name: "delegation to a server of a sibling", Query: ask("x.kin", "A"), Want: Response{
			Flags: "qr", Ns: []string{"kin NS ns1.sub"}, Extra: []string{"ns1.sub A 192.0.2.53", "ns1.sub AAAA 2001:db8::53"}}},
		{Name: "delegation to a server in the zone", Query: ask("x.far", "A"), Want: Response{
			Flags: "qr", Ns: []string{"far NS www2"}, Extra: []string{"www2 A 192.0.2.2", "www2 AAAA 2001:db8::2"}}},
		{Name: "CNAME to a delegated name", Query: ask("tocut", "A"), Want: Response{
			Flags: "qr aa", Answer: []string{"tocut CNAME host.sub"}, Ns: sub, Extra: glue}},
	}
}

func renamed() []Case {
	return []Case{
		{Name: "DNAME out of the zone", Query: ask("Host.dn", "A"),
			Want: positive("dn DNAME Target.example.net.", "Host.dn CNAME Host.Target.example.net.")},
		{Name: "DNAME within the zone", Query: ask("x.dnin", "A"),
			Want: positive("dnin DNAME wild", "x.dnin CNAME x.wild", "x.wild A 192.0.2.9")},
		{Name: "DNAME, CNAME asked for", Query: ask("x.dnin", "CNAME"), Want: positive("dnin DNAME wild", "x.dnin CNAME x.wild")},
		{Name: "DNAME asked for", Query: ask("dn", "DNAME"), Want: positive("dn DNAME Target.example.net.")},
		{Name: "beside a DNAME", Query: ask("dn", "TXT"), Want: positive(`dn TXT "beside"`)},
		{Name: "no data beside a DNAME", Query: ask("dn", "A"), Want: negative()},
		{Name: "DNAME makes the name too long", Query: ask(longLabel+".dnlong", "A"), Want: Response{
			Rcode: "YXDOMAIN", Flags: "qr aa", Answer: []string{longDNAME}}},
	}
}

func foreign() []Case {
	refused := Response{Rcode: "REFUSED", Flags: "qr"}
	said := Response{Rcode: "REFUSED", Flags: "qr", OPT: "15:20 (Not Authoritative): ()"}
	return []Case{
		{Name: "outside the zone", Query: ask("www.example.com.", "A"), Want: refused},
		{Name: "above the zone", Query: ask("example.org.", "SOA"), Want: refused},
		{Name: "the root", Query: ask(".", "NS"), Want: refused},
		{Name: "a name that ends in the zone's letters", Query: ask("xauth.example.org.", "A"), Want: refused},
		{Name: "outside the zone, with EDNS", Query: Query{Name: "a.test.", Type: "A", EDNS: true}, Want: said, Own: true},
		{Name: "class CHAOS", Query: Query{Name: "version.bind.", Type: "TXT", Class: 3}, Want: refused, Own: true},
		{Name: "class CHAOS in the zone", Query: Query{Name: "@", Type: "SOA", Class: 3}, Want: refused, Own: true},
		{Name: "class ANY", Query: Query{Name: "@", Type: "SOA", Class: 255, EDNS: true}, Want: said, Own: true},
	}
}
