// Package dnstest holds what any server of the zone must answer: a zone with one
// of every case, questions with their answers in presentation form, and a runner
// that puts them to an address. It is for tests only; which server stands behind
// the address, the embedded one or NSD with the rendered file, makes no difference.
package dnstest

import (
	"strings"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// Zone is the apex of the zone that the cases ask about.
const Zone = "auth.example.org."

// Serial is the SOA serial of the snapshot.
const Serial zone.Serial = 2026112305

// Live owners of the snapshot.
const (
	Live = "d420c923-bbd7-4056-ab64-c3ca54c9b3cf" // two values
	Six  = "0b8f2e6a-3c51-4d0e-9f77-1f2e3d4c5b6a" // six
)

// A name of longLabel below longDNAME is over 255 octets.
var (
	longLabel = strings.Repeat("x", 63)
	longDNAME = "dnlong DNAME " + strings.Repeat(strings.Repeat("l", 60)+".", 3) + "example.net."
)

// Value returns the n-th of some values that are as long as a challenge's.
func Value(n int) string {
	return strings.Repeat("aB3-_xYz", 5) + "Q" + string(rune('a'+n)) + "_"
}

// Spec is the zone's static side.
func Spec() zone.Spec {
	return zone.Spec{
		Name:         "auth.example.org",
		Nameservers:  []string{"auth.example.org", "ns2.example.net"},
		Records:      records(),
		TTL:          time.Hour,
		ChallengeTTL: time.Second,
		NegativeTTL:  2 * time.Second,
	}
}

func records() []string {
	return []string{
		"@ A 198.51.100.1",
		"@ AAAA 2001:db8::93",
		`@ TXT "Static Text"`,
		`@ CAA 0 issue "CA.example; accounturi=https://CA.example/Acct/1"`,
		"@ MX 10 Mail",
		"Mail 600 A 198.51.100.25",
		"www2 A 192.0.2.2",
		"www2 AAAA 2001:db8::2",
		"WWW CNAME Target.Example.NET.",
		`key._domainkey TXT "v=DKIM1; p=AbCdEf"`,
		"a.b.ent A 192.0.2.3",
		"first CNAME second",
		"second CNAME www2",
		"loop1 CNAME loop2",
		"loop2 CNAME loop1",
		"self CNAME self",
		"tolive CNAME " + Live,
		"toidle CNAME nobody-knows",
		"tonowhere CNAME no.www2",
		"tocut CNAME host.sub",
		`*.wild TXT "Wild"`,
		"*.wild A 192.0.2.9",
		"there.wild A 192.0.2.10",
		"deep.there2.wild A 192.0.2.11",
		"*.cwild CNAME www2",
		"*.lwild CNAME " + Live,
		"*.ewild.x A 192.0.2.12",
		"sub NS Ns1.sub",
		"sub NS ns.example.net.",
		"sub DS 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF",
		"ns1.sub A 192.0.2.53",
		"ns1.sub AAAA 2001:db8::53",
		"kin NS ns1.sub",
		"far NS www2",
		"dn DNAME Target.example.net.",
		`dn TXT "beside"`,
		"dnin DNAME wild",
		longDNAME,
		"srv SRV 1 2 443 www2",
		`odd TYPE65280 \# 4 01020304`,
		`merged 60 TXT "fixed"`,
		`many TXT "` + strings.Repeat("1", 250) + `"`,
		`many TXT "` + strings.Repeat("2", 250) + `"`,
		`huge TXT ` + long('1') + ` ` + long('2') + ` ` + long('3'),
		`huge TXT ` + long('4') + ` ` + long('5') + ` ` + long('6'),
	}
}

// long is a character string that only a few of fit into an answer.
func long(c rune) string { return `"` + strings.Repeat(string(c), 250) + `"` }

// Snapshot returns the zone's live side.
func Snapshot() *zone.Snapshot {
	edit := zone.NewSnapshot(Serial-1, 0).Edit()
	for i := range 6 {
		edit.Set(Six, Value(i), 0, 6)
	}
	edit.Set(Live, Value(0), 0, 6)
	edit.Set(Live, Value(1), 0, 6)
	edit.Set("_acme-challenge", Value(2), 0, 6)
	edit.Set("_acme-challenge.host", Value(3), 0, 6)
	edit.Set("_acme-challenge.api.at.depth", Value(5), 0, 6)
	edit.Set("merged", Value(4), 0, 6)
	edit.Set("merged", "fixed", 0, 6)
	snap, _ := edit.Finish(Serial)
	return snap
}

// Definition returns the zone of the cases.
func Definition(t testing.TB) *zone.Definition { return Define(t, Spec()) }

// Define returns the zone of a spec that must be right.
func Define(t testing.TB, spec zone.Spec) *zone.Definition {
	t.Helper()
	d, err := zone.Define(spec)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
