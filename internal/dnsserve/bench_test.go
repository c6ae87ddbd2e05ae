package dnsserve

import (
	"fmt"
	"testing"

	"github.com/acmezone/acmezone/internal/dnsserve/dnstest"
	"github.com/acmezone/acmezone/internal/zone"
)

// hundredThousand is a snapshot of as many names with two values each.
func hundredThousand() *zone.Snapshot {
	edit := zone.NewSnapshot(1, 0).Edit()
	for i := range 100_000 {
		owner := fmt.Sprintf("%08x-bbd7-4056-ab64-c3ca54c9b3cf", i)
		edit.Set(owner, dnstest.Value(0), 0, 6)
		edit.Set(owner, dnstest.Value(1), 0, 6)
	}
	snap, _ := edit.Finish(2)
	return snap
}

func benchmarkRespond(b *testing.B, name, rrtype string) {
	s := newResponder(b, dnstest.Definition(b), hundredThousand())
	var packets [1024][]byte
	for i := range packets {
		q := dnstest.Query{Name: fmt.Sprintf(name, i*97), Type: rrtype, EDNS: true, DO: true}
		packets[i] = numbered(b, 1, q)
	}
	buf := make([]byte, 0, ednsSize)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if len(sent(s.respond(buf, packets[i%len(packets)], transport{}))) == 0 {
			b.Fatal("no answer")
		}
	}
}

const liveName = "%08x-bbd7-4056-ab64-c3ca54c9b3cf"

func BenchmarkRespondTXT(b *testing.B)    { benchmarkRespond(b, liveName, "TXT") }
func BenchmarkRespondNODATA(b *testing.B) { benchmarkRespond(b, liveName, "A") }
func BenchmarkRespondIdle(b *testing.B)   { benchmarkRespond(b, "idle-%08x", "TXT") }
