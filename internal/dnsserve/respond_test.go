package dnsserve

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/dnsserve/dnstest"
	"github.com/acmezone/acmezone/internal/zone"
)

// newResponder answers without sockets.
func newResponder(t testing.TB, d *zone.Definition, snap *zone.Snapshot) *responder {
	t.Helper()
	prepared, err := prepare(d)
	if err != nil {
		t.Fatal(err)
	}
	s := new(responder)
	s.version.Store(&version{static: prepared, snap: snap})
	return s
}

// sent is what a packet is answered with.
func sent(response []byte, _ outcome) []byte { return response }

func keepaliveOption() []dns.EDNS0 {
	return []dns.EDNS0{&dns.EDNS0_LOCAL{Code: dns.EDNS0TCPKEEPALIVE}}
}

func TestQuestionIsEchoedBitByBit(t *testing.T) {
	s := newResponder(t, dnstest.Definition(t), dnstest.Snapshot())
	for _, name := range []string{"AuTh.eXaMpLe.OrG.", "nObOdY.AUTH.example.org.", "D420C923-bbd7-4056-ab64-c3ca54c9b3cF.auth.example.ORG."} {
		packet := numbered(t, 1, dnstest.Query{Name: name, Type: "TXT"})
		got := sent(s.respond(nil, packet, transport{}))
		question := packet[headerLength:]
		if !bytes.Equal(got[headerLength:headerLength+len(question)], question) {
			t.Errorf("%s: the question comes back as %q", name, got[headerLength:])
		}
		var m dns.Msg
		if err := m.Unpack(got); err != nil || len(m.Answer) > 0 && m.Answer[0].Header().Name != name {
			t.Errorf("%s: %v, %v", name, &m, err)
		}
	}
}

func TestBeforeTheFirstPublish(t *testing.T) {
	s := newResponder(t, dnstest.Definition(t), nil)
	for name, want := range map[string]string{
		dnstest.Zone: "SERVFAIL", "x." + dnstest.Zone: "SERVFAIL", "example.com.": "REFUSED",
	} {
		var m dns.Msg
		got := sent(s.respond(nil, numbered(t, 1, dnstest.Query{Name: name, Type: "SOA", EDNS: true}), transport{}))
		if err := m.Unpack(got); err != nil || dns.RcodeToString[m.Rcode] != want || m.Authoritative {
			t.Errorf("%s: %v, %v", name, &m, err)
		}
	}
}

// What is measured here is the size: an answer is never larger than needed.
func TestSixValuesFit(t *testing.T) {
	s := newResponder(t, dnstest.Definition(t), dnstest.Snapshot())
	q := dnstest.Query{Name: dnstest.Six, Type: "TXT", EDNS: true, Size: 512, DO: true}
	got := sent(s.respond(nil, numbered(t, 1, q), transport{}))
	if len(got) > 430 || got[2]&(flagTC>>8) != 0 {
		t.Errorf("%d octets", len(got))
	}
}

// Glue that a delegation can't work without makes an answer truncated (RFC 9471);
// addresses that are only handy are left out.
func TestGlue(t *testing.T) {
	spec := dnstest.Spec()
	spec.Nameservers = []string{"auth.example.org"}
	for i := range 30 {
		spec.Records = append(spec.Records,
			fmt.Sprintf("inner NS a-rather-long-name-%02d.inner", i), fmt.Sprintf("a-rather-long-name-%02d.inner AAAA 2001:db8::%d", i, i+1),
			fmt.Sprintf("sibling NS h%02d", i), fmt.Sprintf("h%02d AAAA 2001:db8::%d", i, i+1))
	}
	s := newResponder(t, dnstest.Define(t, spec), dnstest.Snapshot())
	ask := func(name string, tcp bool) *dns.Msg {
		m := new(dns.Msg)
		if err := m.Unpack(sent(s.respond(nil, numbered(t, 1, dnstest.Query{Name: name, Type: "A", EDNS: true}), transport{tcp: tcp}))); err != nil {
			t.Fatal(err)
		}
		return m
	}
	if m := ask("x.inner", false); !m.Truncated || len(m.Ns) > 0 {
		t.Errorf("glue doesn't fit: %v", m)
	}
	if m := ask("x.inner", true); m.Truncated || len(m.Ns) != 30 || len(m.Extra) != 31 {
		t.Errorf("over TCP: %v", m)
	}
	if m := ask("x.sibling", false); m.Truncated || len(m.Ns) != 30 || len(m.Extra) >= 31 || len(m.Extra) < 10 {
		t.Errorf("other addresses don't fit: %v", m)
	}
}

func TestLongChainsAndLoops(t *testing.T) {
	spec := dnstest.Spec()
	for i := range 100 {
		spec.Records = append(spec.Records, fmt.Sprintf("c%d CNAME c%d", i, i+1))
	}
	spec.Records = append(spec.Records, "d DNAME x.d", "*.w CNAME a.b.w", "e DNAME f", "f DNAME e")
	s := newResponder(t, dnstest.Define(t, spec), dnstest.Snapshot())
	for name, answers := range map[string]int{"c0": maxLinks, "c90": 10, "y.d": 2, "z.w": 2, "z.e": 4} {
		var m dns.Msg
		got := sent(s.respond(nil, numbered(t, 1, dnstest.Query{Name: name, Type: "A"}), transport{tcp: true}))
		if err := m.Unpack(got); err != nil || len(m.Answer) != answers || m.Rcode != dns.RcodeSuccess {
			t.Errorf("%s: %v, %v", name, &m, err)
		}
	}
}

func TestOwnWildcard(t *testing.T) {
	spec := dnstest.Spec()
	spec.Records = append(spec.Records, "* A 192.0.2.77")
	s := newResponder(t, dnstest.Define(t, spec), dnstest.Snapshot())
	for question, want := range map[string]string{
		"idle A": "192.0.2.77", "deep.idle A": "192.0.2.77", "idle TXT": "", dnstest.Live + " A": "", "host A": "",
	} {
		name, rrtype, _ := strings.Cut(question, " ")
		var m dns.Msg
		err := m.Unpack(sent(s.respond(nil, numbered(t, 1, dnstest.Query{Name: name, Type: rrtype}), transport{})))
		switch {
		case err != nil || m.Rcode != dns.RcodeSuccess:
			t.Errorf("%s: %v, %v", question, &m, err)
		case want == "" && (len(m.Answer) > 0 || len(m.Ns) != 1),
			want != "" && (len(m.Answer) != 1 || m.Answer[0].(*dns.A).A.String() != want):
			t.Errorf("%s: %v", question, &m)
		}
	}
}

func TestLongTextsAreSplit(t *testing.T) {
	for size, octets := range map[int]int{0: 1, 255: 256, 256: 258, 600: 603} {
		if got := appendText(nil, strings.Repeat("x", size)); len(got) != octets {
			t.Errorf("%d octets of text make %d of data, want %d", size, len(got), octets)
		}
	}
}

// Compression must never point beyond what 14 bits hold.
func TestLargeAnswerUnpacks(t *testing.T) {
	spec := dnstest.Spec()
	for i := range 600 {
		spec.Records = append(spec.Records, fmt.Sprintf("large MX %d %s.%d.large", i, strings.Repeat("m", 60), i))
	}
	s := newResponder(t, dnstest.Define(t, spec), dnstest.Snapshot())
	var m dns.Msg
	got := sent(s.respond(nil, numbered(t, 1, dnstest.Query{Name: "large", Type: "MX"}), transport{tcp: true}))
	if err := m.Unpack(got); err != nil || len(m.Answer) != 600 {
		t.Errorf("%d answers in %d octets: %v", len(m.Answer), len(got), err)
	}
}
