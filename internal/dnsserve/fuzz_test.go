package dnsserve

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/dnsserve/dnstest"
)

// FuzzRespond holds respond to what must be true of any packet, without the guard
// around it.
func FuzzRespond(f *testing.F) {
	for _, c := range malformedPackets() {
		f.Add(c.packet, false)
		f.Add(c.packet, true)
	}
	for _, cases := range [][]dnstest.Case{dnstest.Names(), dnstest.Protocol(), dnstest.RFC8906()} {
		for _, c := range cases {
			f.Add(numbered(f, testID, c.Query), c.TCP)
		}
	}
	for _, data := range [][]byte{[]byte("8 octets"), make([]byte, 24)} {
		f.Add(cookieQuestion(f, data, true), false)
		f.Add(cookieQuestion(f, data, false), false)
	}
	s := newResponder(f, dnstest.Definition(f), dnstest.Snapshot())
	frugal, via := limitedResponder(f)
	f.Fuzz(func(t *testing.T, packet []byte, tcp bool) {
		if len(packet) > maxMessage {
			return
		}
		got := sent(s.respond(nil, packet, transport{tcp: tcp, idle: time.Second}))
		if isQuery := len(packet) >= headerLength && packet[2]&0x80 == 0; !isQuery {
			if len(got) > 0 {
				t.Fatalf("no query, and yet an answer: %x", got)
			}
			return
		}
		checkResponse(t, packet, got, tcp)
		checkSlipped(t, frugal, via, packet)
	})
}

// checkSlipped has the packet answered until its network has had its share.
func checkSlipped(t *testing.T, s *responder, via transport, packet []byte) {
	t.Helper()
	s.respond(nil, packet, via)
	switch got, o := s.respond(nil, packet, via); {
	case o.fate == slipped && (len(got) > len(packet) || got[2]&(flagTC>>8) == 0):
		t.Errorf("%x is answered with %x", packet, got)
	case o.fate == slipped:
		checkResponse(t, packet, got, false)
	case o.fate != limited || len(got) > 0:
		t.Errorf("%x is answered with %x, though its network has had its share: %v", packet, got, o)
	}
}

func checkResponse(t *testing.T, packet, got []byte, tcp bool) {
	t.Helper()
	var m dns.Msg
	if err := m.Unpack(got); err != nil {
		t.Fatalf("%x: %v", got, err)
	}
	if m.Id != binary.BigEndian.Uint16(packet) || !m.Response || m.Opcode != int(packet[2]>>3&0xF) {
		t.Errorf("no answer to this packet: %v", &m)
	}
	if m.RecursionAvailable || m.Zero || m.AuthenticatedData || m.CheckingDisabled {
		t.Errorf("flags: %v", &m)
	}
	if limit := sizeLimit(packet, tcp); len(got) > limit {
		t.Errorf("%d octets, %d allowed", len(got), limit)
	}
	if m.Truncated && (tcp || len(m.Answer)+len(m.Ns) > 0) {
		t.Errorf("truncated, with data or over TCP: %v", &m)
	}
	if m.Rcode == dns.RcodeFormatError && m.Authoritative {
		t.Errorf("FORMERR is no authoritative answer: %v", &m)
	}
}

// sizeLimit is how long an answer may be, read from the query by the library.
func sizeLimit(packet []byte, tcp bool) int {
	if tcp {
		return maxMessage
	}
	var q dns.Msg
	if err := q.Unpack(packet); err != nil || q.IsEdns0() == nil {
		return plainSize
	}
	return min(max(int(q.IsEdns0().UDPSize()), plainSize), ednsSize)
}
