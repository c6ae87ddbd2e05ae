package nsdctl

import (
	"slices"
	"testing"

	"github.com/acmezone/acmezone/internal/dnsserve/dnstest"
	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
)

// different are the questions that NSD 4.6.1 answers otherwise than the embedded
// server, and why either is right.
var different = map[string]string{
	"class CHAOS":                     "NSD tells its version there, unless hide-version is set; the embedded server tells nobody",
	"class ANY":                       "NSD takes class ANY for IN; no resolver asks so",
	"ANY at a static name over TCP":   "RFC 8482 lets a server answer one RRset: NSD does over TCP too",
	"ANY at the apex over UDP":        "RFC 8482: which RRset is the server's choice",
	"ANY at the apex over TCP":        "RFC 8482: NSD answers one RRset over TCP too",
	"NOTIFY":                          "NSD speaks NOTIFY, and refuses it for a zone that it is the primary of",
	"STATUS, with EDNS":               "NSD copies RD into the error (RFC 8906 wants it clear)",
	"AXFR over UDP":                   "NSD says NOTIMP to a transfer over UDP, the embedded server REFUSED; neither transfers",
	"cookie of no octets":             withoutOPT,
	"cookie of 7 octets":              withoutOPT,
	"cookie of 9 octets":              withoutOPT,
	"cookie of 15 octets":             withoutOPT,
	"cookie of 41 octets":             withoutOPT,
	"two cookies":                     "NSD looks at each; RFC 7873 has all but the first ignored",
	"keepalive over TCP":              "NSD doesn't speak RFC 7828; it is an offer, not a duty",
	"8.1.4 unknown opcode with flags": "NSD copies the flags into the error (RFC 8906 wants them clear)",
	"8.2.9 unknown version with DO":   "NSD leaves DO out of BADVERS",
}

const withoutOPT = "NSD leaves OPT out of this FORMERR; RFC 6891 wants it there"

// TestConformance holds NSD with the rendered file to the cases of the embedded
// server.
func TestConformance(t *testing.T) {
	server := nsdtest.Start(t, nsdtest.Options{Zones: authZone(), ExtraServer: "minimal-responses: yes\n\tanswer-cookie: yes"})
	w := newWriter(t, server, dnstest.Serial, func(o *Options) { o.Definition = dnstest.Definition(t) })
	w.snap = dnstest.Snapshot()
	w.mustPublish()
	cases := slices.Concat(dnstest.Names(), dnstest.Protocol(), dnstest.RFC8906())
	found := dnstest.Differences(t, server.Addr, cases)
	for _, c := range cases {
		diff, differs := found[c.Name]
		why, expected := different[c.Name]
		switch {
		case differs && !expected:
			t.Errorf("%s (-embedded +NSD):\n%s", c.Name, diff)
		case !differs && expected:
			t.Logf("%s: this NSD answers as the embedded server does, another version didn't: %s", c.Name, why)
		}
	}
}
