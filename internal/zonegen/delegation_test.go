package zonegen

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zone"
	"github.com/acmezone/acmezone/templates"
)

func zoneWith(t *testing.T, nameservers []string, records ...string) *zone.Definition {
	t.Helper()
	def, err := zone.Define(zone.Spec{
		Name: "auth.example.org", Nameservers: nameservers, Records: records,
		TTL: time.Hour, ChallengeTTL: time.Second, NegativeTTL: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	return def
}

func TestDelegation(t *testing.T) {
	for _, c := range []struct {
		what     string
		ns       []string
		records  []string
		wantNS   string
		wantGlue string
	}{
		{"the zone's own name", nil, []string{"@ A 198.51.100.1", "@ AAAA 2001:db8::93", "@ CAA 0 issue \";\""},
			"auth.example.org.", "auth.example.org. A 198.51.100.1, auth.example.org. AAAA 2001:db8::93"},
		{"below the zone, in another case, with a TTL of its own", []string{"NS1.auth.example.org"}, []string{"Ns1 60 A 198.51.100.1", "www A 198.51.100.2"},
			"ns1.auth.example.org.", "ns1.auth.example.org. A 198.51.100.1"},
		{"elsewhere", []string{"ns.example.net", "ns.example.org"}, []string{"@ A 198.51.100.1"},
			"ns.example.net., ns.example.org.", ""},
		{"a name that only ends alike", []string{"ns.xauth.example.org"}, []string{"ns A 198.51.100.1"},
			"ns.xauth.example.org.", ""},
		{"no address, and a zone delegated further", []string{"auth.example.org"}, []string{"sub NS ns.sub", "ns.sub A 198.51.100.1", "* A 198.51.100.2"},
			"auth.example.org.", ""},
	} {
		ns, glue := Delegation(zoneWith(t, c.ns, c.records...))
		var gotNS, gotGlue []string
		for _, rr := range ns {
			gotNS = append(gotNS, rr.(*dns.NS).Ns)
		}
		for _, rr := range glue {
			h := rr.Header()
			gotGlue = append(gotGlue, h.Name+" "+dns.Type(h.Rrtype).String()+" "+strings.TrimPrefix(rr.String(), h.String()))
		}
		for _, rr := range append(ns, glue...) {
			if rr.Header().Ttl != 3600 {
				t.Errorf("%s: TTL of %v", c.what, rr)
			}
		}
		if diff := cmp.Diff([]string{c.wantNS, c.wantGlue}, []string{strings.Join(gotNS, ", "), strings.Join(gotGlue, ", ")}); diff != "" {
			t.Errorf("%s: %s", c.what, diff)
		}
	}
}

func TestDelegationLeavesTheDefinitionAlone(t *testing.T) {
	def := zoneWith(t, nil, "@ 60 A 198.51.100.1")
	before := lines(def.Static())
	ns, glue := Delegation(def)
	ns[0].Header().Ttl, glue[0].Header().Ttl = 1, 2
	if diff := cmp.Diff(before, lines(def.Static())); diff != "" {
		t.Error(diff)
	}
}

// TestDelegationIsReadBackByTheLibrary: with its comments, as the parent's name server
// reads it.
func TestDelegationIsReadBackByTheLibrary(t *testing.T) {
	var text bytes.Buffer
	if err := WriteDelegation(&text, templates.Embedded(), zoneWith(t, nil, "@ A 198.51.100.1")); err != nil {
		t.Fatal(err)
	}
	var got []string
	parser := dns.NewZoneParser(&text, "example.org.", "")
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		got = append(got, rr.String())
	}
	want := []string{"auth.example.org.\t3600\tIN\tNS\tauth.example.org.", "auth.example.org.\t3600\tIN\tA\t198.51.100.1"}
	if diff := cmp.Diff(want, got); diff != "" || parser.Err() != nil {
		t.Error(diff, parser.Err())
	}
}
