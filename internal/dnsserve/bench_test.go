package dnsserve

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

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

// BenchmarkUDP measures what a question costs with all of its way through the
// system, while 32 are on their way.
func BenchmarkUDP(b *testing.B) {
	client := netip.MustParseAddr("127.0.0.1")
	for _, c := range []struct {
		name  string
		limit int
		ask   func(s *Server) []byte
	}{
		{"limit=off", 0, plainQuestion(b)}, {"limit=on", 1_000_000, plainQuestion(b)},
		{"cookie", 1_000_000, func(s *Server) []byte {
			valid, _ := s.cookies.answer([]byte("8 octets"), client, time.Now())
			return cookieQuestion(b, valid[:], true)
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := startLimited(b, Options{RateLimit: RateLimit{PerSecond: c.limit, Slip: 2}}, func(*Server) {})
			exchange(b, dial(b, s, "udp"), c.ask(s))
		})
	}
}

func plainQuestion(b *testing.B) func(*Server) []byte {
	packet := numbered(b, 1, dnstest.Query{Name: dnstest.Six, Type: "TXT", EDNS: true})
	return func(*Server) []byte { return packet }
}

func exchange(b *testing.B, conn stream, packet []byte) {
	b.Helper()
	buf := make([]byte, ednsSize)
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		b.Fatal(err)
	}
	for range 32 {
		conn.send(b, packet)
	}
	for b.Loop() {
		if _, err := conn.Read(buf); err != nil {
			b.Fatal(err)
		}
		conn.send(b, packet)
	}
}
