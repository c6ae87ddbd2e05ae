package dnsserve

import (
	"context"
	"encoding/binary"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/acmezone/acmezone/internal/dnsserve/dnstest"
)

// startAside has a server whose UDP sockets nobody reads, as under a flood of something
// else: what is answered there, AnswerWaiting answers.
func startAside(t testing.TB, listen string) *Server {
	t.Helper()
	s, err := Listen(Options{Listen: []string{listen}, Definition: dnstest.Definition(t)})
	if err != nil {
		t.Fatal(err)
	}
	reader, err := newUDPReader(s.sockets[0].udp)
	if err != nil {
		t.Fatal(err)
	}
	s.advance(dnstest.Snapshot())
	beside, err := s.newAsides([]*udpReader{reader})
	if err != nil {
		t.Fatal(err)
	}
	s.asides.Store(beside)
	var accepting sync.WaitGroup
	accepting.Go(func() { s.accept(context.Background(), s.sockets[0].tcp, s.sockets[0].tcpCounts) })
	t.Cleanup(func() {
		s.Close()
		accepting.Wait()
		s.hearOut()
	})
	return s
}

// keepBusy calls AnswerWaiting all the time, in several goroutines.
func keepBusy(t testing.TB, s *Server) {
	var ended atomic.Bool
	var busy sync.WaitGroup
	for range 4 {
		busy.Go(func() {
			for !ended.Load() {
				s.AnswerWaiting()
				runtime.Gosched()
			}
		})
	}
	t.Cleanup(func() {
		ended.Store(true)
		busy.Wait()
	})
}

// TestAnswersAside: they are those of the goroutine that reads, question by question.
func TestAnswersAside(t *testing.T) {
	s := startAside(t, "127.0.0.1:0")
	keepBusy(t, s)
	for _, cases := range [][]dnstest.Case{dnstest.Names(), dnstest.Protocol(), dnstest.RFC8906()} {
		dnstest.Run(t, s.Addrs()[0], cases)
	}
}

// TestAsideAnswersFromTheAddressAsked, as the goroutine that reads does.
func TestAsideAnswersFromTheAddressAsked(t *testing.T) {
	for _, c := range wildcards {
		t.Run(c.listen+" "+c.asked, func(t *testing.T) {
			asked := netip.MustParseAddr(c.asked)
			if asked.Is6() && !hasIPv6() {
				t.Skip("no IPv6 here")
			}
			s := startAside(t, c.listen)
			keepBusy(t, s)
			dnstest.Ask(t, netip.AddrPortFrom(asked, s.Addrs()[0].Port()), dnstest.Query{Name: "@", Type: "SOA"})
		})
	}
}

// TestAsideIsSoonDone: a flood of questions doesn't hold up who answers in passing.
func TestAsideIsSoonDone(t *testing.T) {
	s := startAside(t, "127.0.0.1:0")
	conn := dial(t, s, "udp")
	for range asideMost + 3 {
		conn.send(t, numbered(t, 1, dnstest.Query{Name: "@", Type: "SOA"}))
	}
	s.AnswerWaiting()
	if n := judged(s); n != asideMost {
		t.Errorf("%d answers at once", n)
	}
	s.asides.Load().looked.Store(0) // as if that had been long ago
	s.AnswerWaiting()
	if n := judged(s); n != asideMost+3 {
		t.Errorf("%d answers in the end", n)
	}
}

// TestAsidePassesOverEmptyPackets, which anybody may send.
func TestAsidePassesOverEmptyPackets(t *testing.T) {
	s := startAside(t, "127.0.0.1:0")
	conn := dial(t, s, "udp")
	conn.send(t, nil, numbered(t, 1, dnstest.Query{Name: "@", Type: "SOA"}))
	s.AnswerWaiting()
	conn.receive(t)
}

// TestAsideAndReaderAnswerEachQuestionOnce, and nobody is left without an answer.
func TestAsideAndReaderAnswerEachQuestionOnce(t *testing.T) {
	s := start(t, dnstest.Definition(t))
	s.AnswerWaiting() // before anything is published it does nothing
	publish(t, s, dnstest.Snapshot())
	keepBusy(t, s)
	conn := dial(t, s, "udp")
	const rounds, each = 10, mostQueued
	for range rounds {
		open := make(map[uint16]bool)
		for id := range uint16(each) {
			open[id] = true
			conn.send(t, numbered(t, id, dnstest.Query{Name: "@", Type: "SOA"}))
		}
		for range each {
			delete(open, binary.BigEndian.Uint16(conn.receive(t)))
		}
		if len(open) > 0 {
			t.Fatalf("questions %v have no answer, others two", open)
		}
	}
	if n := judged(s); n != rounds*each {
		t.Errorf("%d answers to %d questions", n, rounds*each)
	}
}

// BenchmarkAnswerWaiting is what it costs where nothing waits: mostly, a look at the clock.
func BenchmarkAnswerWaiting(b *testing.B) {
	s := startAside(b, "127.0.0.1:0")
	b.Run("soon again", func(b *testing.B) {
		for b.Loop() {
			s.AnswerWaiting()
		}
	})
	b.Run("with a look", func(b *testing.B) {
		for b.Loop() {
			s.asides.Load().looked.Store(-int64(asideEvery))
			s.AnswerWaiting()
		}
	})
}
