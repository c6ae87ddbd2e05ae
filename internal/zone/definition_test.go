package zone

import (
	"strings"
	"testing"
	"time"
)

func spec(records ...string) Spec {
	return Spec{
		Name: "Auth.Example.org", Records: records,
		TTL: time.Hour, ChallengeTTL: time.Second, NegativeTTL: time.Second,
	}
}

func TestDefine(t *testing.T) {
	d, err := Define(spec(
		"@ A 198.51.100.1", "WWW CNAME Target.Example.NET.", "www2 60 IN TXT \"Case Kept\"", "@ A 198.51.100.1",
	))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"auth.example.org. 3600 IN NS auth.example.org.",
		"auth.example.org. 3600 IN A 198.51.100.1",
		"www.auth.example.org. 3600 IN CNAME Target.Example.NET.",
		`www2.auth.example.org. 60 IN TXT "Case Kept"`,
		`*.auth.example.org. 1 IN HINFO "acmezone" "idle name"`,
	}
	var got []string
	for _, rr := range d.Static() {
		got = append(got, strings.ReplaceAll(rr.String(), "\t", " "))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("static records:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	soa := strings.ReplaceAll(d.SOA(7).String(), "\t", " ")
	if soa != "auth.example.org. 1 IN SOA auth.example.org. hostmaster.auth.example.org. 7 3600 600 1209600 1" {
		t.Error(soa)
	}
	if d.FullName("abc") != "abc.auth.example.org" {
		t.Error(d.FullName("abc"))
	}
}

func TestDefineOwnWildcardReplacesTheIdleOne(t *testing.T) {
	d, err := Define(spec("* A 198.51.100.1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, rr := range d.Static() {
		if strings.Contains(rr.String(), "HINFO") {
			t.Error(rr)
		}
	}
}

func TestDefineContact(t *testing.T) {
	s := spec()
	s.Contact = "first.last@Example.org"
	d, err := Define(s)
	if err != nil {
		t.Fatal(err)
	}
	if got := d.SOA(1).Mbox; got != `first\.last.example.org.` {
		t.Error(got)
	}
}

func TestDefineRefuses(t *testing.T) {
	with := func(change func(*Spec)) Spec { s := spec(); change(&s); return s }
	for _, c := range []struct {
		spec Spec
		say  string // what the message must hold
	}{
		{with(func(s *Spec) { s.Name = "" }), "zone.name: is missing"},
		{with(func(s *Spec) { s.Name = "." }), "zone.name: \".\" is not a domain name"},
		{with(func(s *Spec) { s.Name = "a..b" }), "empty label"},
		{with(func(s *Spec) { s.Name = ".a.b" }), "not a domain name"},
		{with(func(s *Spec) { s.Name = "bücher.example" }), "xn--"},
		{with(func(s *Spec) { s.Name = "au th.example" }), "character ' '"},
		{with(func(s *Spec) { s.Name = "-a.example" }), "hyphen"},
		{with(func(s *Spec) { s.Name = strings.Repeat("a", 64) + ".example" }), "over 63"},
		{with(func(s *Spec) { s.Name = strings.Repeat("abcdefgh.", 26) + "example" }), "too long"},
		{with(func(s *Spec) { s.Nameservers = []string{"ns1.example", "NS1.example."} }), "zone.nameservers: \"NS1.example.\" is there twice"},
		{with(func(s *Spec) { s.Nameservers = []string{"198.51.100.1:53"} }), "zone.nameservers"},
		{with(func(s *Spec) { s.Contact = "nobody" }), "zone.contact"},
		{with(func(s *Spec) { s.TTL = time.Millisecond }), "zone.ttl"},
		{with(func(s *Spec) { s.NegativeTTL = -time.Second }), "zone.negative_ttl"},
		{with(func(s *Spec) { s.ChallengeTTL = 1 << 62 }), "zone.challenge_ttl"},
		{spec("@ A 198.51.100"), `zone.records[0]: "@ A 198.51.100": bad A`},
		{spec("@ A 198.51.100.1", "nonsense"), "zone.records[1]"},
		{spec(""), "no record in it"},
		{spec("; only a comment"), "no record in it"},
		{spec("www.example.com. A 198.51.100.1"), "outside the zone"},
		{spec("@ CH TXT x"), "class is CH"},
		{spec("@ SOA a. b. 1 2 3 4 5"), "made by acmezone"},
		{spec("@ NS ns1.example."), "zone.nameservers"},
		{spec("@ CNAME www.example."), "apex"},
		{spec("www CNAME a.example.", "www A 198.51.100.1"), "stands alone"},
		{spec("www A 198.51.100.1", "www CNAME a.example."), "stands alone"},
		{spec("www 60 A 198.51.100.1", "www 70 A 198.51.100.2"), "same RRset"},
		{spec("@ A 198.51.100.1\n@ A 198.51.100.2"), "more than one record"},
		{spec("$INCLUDE /etc/passwd"), "directives"},
		{spec("  $GENERATE 1-9 a$ A 198.51.100.1"), "directives"},
		{spec("@ DNSKEY 257 3 13 oJMRESz5E4gYzS/q6XDrvU1qMPYIjCWzJaOau8XNEZeqCYKD5ar0IRd8KqXXFJkqmVfRvMGPmM1x8fGAa2XhSA=="), "not signed"},
	} {
		_, err := Define(c.spec)
		if err == nil {
			t.Errorf("%+v: no error, want %q", c.spec, c.say)
		} else if !strings.Contains(err.Error(), c.say) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v\n  want %q in one line", err, c.say)
		}
	}
}
