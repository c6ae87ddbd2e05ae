package zone

import (
	"strings"
	"testing"
)

func TestParseDomain(t *testing.T) {
	for text, want := range map[string]string{
		"example.org":           "example.org",
		"*.Example.ORG.":        "example.org",
		" www.example.org ":     "www.example.org",
		"müller.example":        "xn--mller-kva.example",
		"*.MÜLLER.example":      "xn--mller-kva.example",
		"xn--mller-kva.example": "xn--mller-kva.example",
		"bücher。example":        "xn--bcher-kva.example",
		"1.2.example":           "1.2.example",
	} {
		if got, err := ParseDomain(text); got != want || err != nil {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", ".", "org", "*", "*.", "*.*.example.org", "a.*.example.org", "a..example.org", ".example.org", "example.org..",
		"a_b.example.org", "-a.example.org", "a-.example.org", "192.0.2.1", "2001:db8::1", "a b.example.org", "a.example.org\n$INCLUDE x",
		"a;b.example.org", `a\.b.example.org`, strings.Repeat("a", 64) + ".org", strings.Repeat("a.", 120) + "org", "example.org/../x",
		"_acme-challenge.example.org",
	} {
		if got, err := ParseDomain(text); err == nil {
			t.Errorf("%q is taken for %q", text, got)
		}
	}
}

func TestPatterns(t *testing.T) {
	all, err := ParsePatterns([]string{"Example.org", "*.example.net", "*.example.net."})
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	for domain, want := range map[string]bool{
		"example.org": true, "www.example.org": false, "example.net": false, "www.example.net": true,
		"a.b.example.net": true, "badexample.net": false, "example.org.evil.test": false, "": false,
	} {
		if got := all.Allow(domain); got != want {
			t.Errorf("%s: %t", domain, got)
		}
	}
	if every, err := ParsePatterns([]string{"*"}); err != nil || !every.Allow("example.com") || Patterns(nil).Allow("example.com") {
		t.Error(every, err)
	}
	if _, err := ParsePatterns([]string{"*.org"}); err == nil {
		t.Error("a whole top-level domain by mistake")
	}
}

func FuzzParseDomain(f *testing.F) {
	f.Add("example.org")
	f.Add("*.müller.example.")
	f.Fuzz(func(t *testing.T, text string) {
		domain, err := ParseDomain(text)
		if err != nil {
			return
		}
		if again, err := ParseDomain(domain); again != domain || err != nil {
			t.Errorf("%q is %q, and that is %q, %v", text, domain, again, err)
		}
		if !certifiable(domain) {
			t.Errorf("%q is %q", text, domain)
		}
	})
}
