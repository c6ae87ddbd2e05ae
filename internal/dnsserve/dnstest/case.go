package dnstest

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// Query is a question. The zero values ask as a plain resolver of old does: UDP,
// class IN, no flags, no EDNS.
type Query struct {
	Name  string // relative to Zone, unless it ends in a dot; "@" is the apex
	Type  string
	Class uint16
	TCP   bool

	Opcode     int
	HeaderOnly bool   // no question
	Flags      uint16 // header flags to set

	EDNS    bool
	Version uint8
	Size    uint16 // of the OPT record; 0 means 1232
	DO      bool
	Z       uint16 // other EDNS flags to set
	Options []dns.EDNS0
}

// Header flags of a query.
const (
	AA uint16 = 1 << 10
	TC uint16 = 1 << 9
	RD uint16 = 1 << 8
	RA uint16 = 1 << 7
	Z  uint16 = 1 << 6
	AD uint16 = 1 << 5
	CD uint16 = 1 << 4
)

// Response is what must come back.
type Response struct {
	Rcode  string // "" for NOERROR
	Flags  string // as dig has them: "qr aa rd"
	Answer []string
	Ns     []string
	Extra  []string // without OPT
	OPT    string   // "" for none, "-" for one without options, else its options
	DO     bool
}

// Case is a question and its answer. Records are in presentation form with names
// relative to Zone and a TTL of an hour unless they say otherwise; their order
// has no meaning.
type Case struct {
	Name string
	Query
	Want Response
	// Own marks what a server may decide itself, so that only the embedded one is
	// held to it: ANY, EDNS options, how refusals look.
	Own bool
}

// Run puts each case to the embedded server at that address.
func Run(t *testing.T, addr netip.AddrPort, cases []Case) {
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			compare(t, c, c.Want.normal(t), ResponseOf(Ask(t, addr, c.Query)))
		})
	}
}

// RunOther puts the cases to another server of the same zone: without those that
// a server may decide itself, and taking names in any case, since NSD keeps them
// in lower case. Answers should be minimal there.
func RunOther(t *testing.T, addr netip.AddrPort, cases []Case) {
	for _, c := range cases {
		if c.Own {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			compare(t, c, c.Want.normal(t).Folded(), ResponseOf(Ask(t, addr, c.Query)).Folded())
		})
	}
}

// Differences puts all cases to another server of the same zone and returns, by the
// case's name, how its answers differ, names in any case taken for the same.
func Differences(t *testing.T, addr netip.AddrPort, cases []Case) map[string]string {
	t.Helper()
	differences := make(map[string]string)
	for _, c := range cases {
		want, got := c.Want.normal(t).Folded(), ResponseOf(Ask(t, addr, c.Query)).Folded()
		if diff := cmp.Diff(want, got); diff != "" {
			differences[c.Name] = diff
		}
	}
	return differences
}

func compare(t *testing.T, c Case, want, got Response) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s %s (-want +got):\n%s", c.Query.Name, c.Query.Type, diff)
	}
}

// SOA is the zone's SOA record, as it is and as negative answers carry it.
var SOA = fmt.Sprintf("@ 2 SOA @ hostmaster %d 3600 600 1209600 2", Serial)
