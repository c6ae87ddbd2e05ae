package zonetext

import (
	"testing"

	"github.com/miekg/dns"
)

func TestSameButNamesTheFirstDifference(t *testing.T) {
	const www, mail = "www A 192.0.2.1\n", "mail A 192.0.2.2\n\tMX 1 x.\n"
	cname := []dns.RR{rr(t, added)}
	for _, c := range []struct {
		name, old, new string
		added, removed []dns.RR
		want           string
	}{
		{"nothing", www, www, nil, nil, ""},
		{"written in another way", www, "WWW.EXAMPLE.org. (\n\t1h IN\n TYPE1 \\# 4 c0000201 )", nil, nil, ""},
		{"added", www, www + added, cname, nil, ""},
		{"added in another case", www, www + "_ACME-Challenge.new 300 CNAME 8e57.auth.example.net.", cname, nil, ""},
		{"added in vain", www, www, cname, nil, `/zones/example.org: the change would also lose the record "_acme-challenge.new.example.org. 300 IN CNAME 8e57.auth.example.net."`},
		{"added twice", www, www + added + "\n" + added, cname, nil, `/zones/example.org: the change would also make the record "_acme-challenge.new.example.org. 300 IN CNAME 8e57.auth.example.net."`},
		{"removed", www + added, www, nil, cname, ""},
		{"removed, but never there", www, www, nil, cname, `/zones/example.org: the change doesn't remove the record "_acme-challenge.new.example.org. 300 IN CNAME 8e57.auth.example.net."`},
		{"removed in vain", www + added, www + added, nil, cname, `/zones/example.org: the change doesn't remove the record "_acme-challenge.new.example.org. 300 IN CNAME 8e57.auth.example.net."`},
		{"one of two that are the same", www + added + "\n" + added, www + added, nil, cname, ""},
		{"lost", www + mail, mail, nil, nil, `/zones/example.org: the change would also lose the record "www.example.org. 3600 IN A 192.0.2.1"`},
		{"another owner by inheritance", www + mail, www + "\tMX 1 x.\n", nil, []dns.RR{rr(t, "mail.example.org. 3600 A 192.0.2.2")}, `/zones/example.org: the change would also make the record "www.example.org. 3600 IN MX 1 x."`},
		{"another TTL", www, "$TTL 1\n" + www, nil, nil, `/zones/example.org: the change would also make the record "www.example.org. 1 IN A 192.0.2.1"`},
		{"of a type the library can't read", "x FOO ( bar\n )\n", "x  FOO bar ; baz\n", nil, nil, ""},
		{"of a type the library can't read, and lost", www + "x FOO bar\n", www, nil, nil, `/zones/example.org: the change would also lose the record "x.example.org. FOO bar"`},
		{"generated", "$GENERATE 1-2 a$ A 192.0.2.$\n", "$GENERATE 1-2 a$ A 192.0.2.$", nil, nil, ""},
		{"generated otherwise", "$GENERATE 1-2 a$ A 192.0.2.$\n", "$GENERATE 1-3 a$ A 192.0.2.$\n", nil, nil, `/zones/example.org: the change would also make the record "example.org. $GENERATE 1-3 a$ A 192.0.2.$"`},
	} {
		old := mustTree(t, map[string]string{"/zones/example.org": head + c.old})
		new := mustTree(t, map[string]string{"/zones/example.org": head + c.new})
		got := ""
		if err := SameBut(old, new, c.added, c.removed); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

func TestSameButSeesOtherTimesInTheSOA(t *testing.T) {
	old := mustTree(t, map[string]string{"/zones/example.org": "@ SOA a. b. 7 7 7 7 7"})
	new := mustTree(t, map[string]string{"/zones/example.org": "@ SOA a. b. 7 8 7 7 7"})
	if err := SameBut(old, new, nil, nil); err == nil {
		t.Error("a serial was taken for another value")
	}
}
