package check_test

import (
	"crypto"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
)

// key signs a zone: one for everything.
type key struct {
	record *dns.DNSKEY
	signer crypto.Signer
}

func newKey(t testing.TB, zone string) key {
	t.Helper()
	record := &dns.DNSKEY{
		Hdr:   dns.RR_Header{Name: dns.Fqdn(zone), Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600},
		Flags: 257, Protocol: 3, Algorithm: dns.ECDSAP256SHA256,
	}
	private, err := record.Generate(256)
	if err != nil {
		t.Fatal(err)
	}
	return key{record, private.(crypto.Signer)}
}

// ds is the record that the parent has of the key.
func (k key) ds() string { return strings.ReplaceAll(k.record.ToDS(dns.SHA256).String(), "\t", " ") }

// sign adds the key and the signatures, which are good for the month before the end.
// There are no NSEC records: nothing here asks for what isn't there.
func (k key) sign(t testing.TB, z nsdtest.Zone, end time.Time) nsdtest.Zone {
	t.Helper()
	apex := dns.Fqdn(z.Name)
	parser := dns.NewZoneParser(strings.NewReader(z.Text+k.record.String()+"\n"), apex, "")
	sets := make(map[string][]dns.RR)
	var cuts []string
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		h := rr.Header()
		set := fmt.Sprint(h.Name, h.Rrtype)
		sets[set] = append(sets[set], rr)
		if h.Rrtype == dns.TypeNS && h.Name != apex {
			cuts = append(cuts, h.Name)
		}
	}
	if err := parser.Err(); err != nil {
		t.Fatal(err)
	}
	z.Text = ""
	for _, set := range sets {
		for _, rr := range set {
			z.Text += rr.String() + "\n"
		}
		if !delegatedAway(set[0], cuts) {
			z.Text += k.signature(t, set, end).String() + "\n"
		}
	}
	return z
}

// delegatedAway: the parent signs neither NS nor glue.
func delegatedAway(rr dns.RR, cuts []string) bool {
	for _, cut := range cuts {
		if dns.IsSubDomain(cut, rr.Header().Name) && rr.Header().Rrtype != dns.TypeDS {
			return true
		}
	}
	return false
}

func (k key) signature(t testing.TB, set []dns.RR, end time.Time) *dns.RRSIG {
	t.Helper()
	sig := &dns.RRSIG{
		Hdr:       dns.RR_Header{Ttl: set[0].Header().Ttl},
		Algorithm: k.record.Algorithm, KeyTag: k.record.KeyTag(), SignerName: k.record.Hdr.Name,
		Inception: uint32(end.Add(-30 * 24 * time.Hour).Unix()), Expiration: uint32(end.Unix()),
	}
	if err := sig.Sign(k.signer, set); err != nil {
		t.Fatal(err)
	}
	return sig
}
