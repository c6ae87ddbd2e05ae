package dnstest

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Timeout is how long an answer may take on a busy machine.
const Timeout = time.Minute

// Ask puts one question and returns the answer. It fails the test if there is
// none, or if it isn't one to this question.
func Ask(t testing.TB, addr netip.AddrPort, q Query) *dns.Msg {
	t.Helper()
	client := dns.Client{Net: "udp", Timeout: Timeout}
	if q.TCP {
		client.Net = "tcp"
	}
	msg := q.Message()
	got, _, err := client.Exchange(msg, addr.String())
	if err != nil {
		t.Fatalf("%s %s: %v", q.Name, q.Type, err)
	}
	if len(got.Question) > 0 && (len(msg.Question) == 0 || got.Question[0] != msg.Question[0]) {
		t.Errorf("the question comes back as %v", got.Question[0])
	}
	return got
}

// Message returns the query as the DNS library has it.
func (q Query) Message() *dns.Msg {
	m := new(dns.Msg)
	m.Id = dns.Id()
	m.Opcode = q.Opcode
	m.Authoritative = q.Flags&AA != 0
	m.Truncated = q.Flags&TC != 0
	m.RecursionDesired = q.Flags&RD != 0
	m.RecursionAvailable = q.Flags&RA != 0
	m.Zero = q.Flags&Z != 0
	m.AuthenticatedData = q.Flags&AD != 0
	m.CheckingDisabled = q.Flags&CD != 0
	if !q.HeaderOnly {
		class := max(q.Class, dns.ClassINET)
		m.Question = []dns.Question{{Name: Name(q.Name), Qtype: rrtype(q.Type), Qclass: class}}
	}
	if q.EDNS {
		m.Extra = append(m.Extra, q.opt())
	}
	return m
}

func (q Query) opt() *dns.OPT {
	opt := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}, Option: q.Options}
	opt.SetUDPSize(1232)
	if q.Size != 0 {
		opt.SetUDPSize(q.Size)
	}
	opt.SetVersion(q.Version)
	opt.SetDo(q.DO)
	opt.Hdr.Ttl |= uint32(q.Z)
	return opt
}

// Name returns a name of the cases in full.
func Name(relative string) string {
	switch {
	case relative == "@":
		return Zone
	case strings.HasSuffix(relative, "."):
		return relative
	}
	return relative + "." + Zone
}

func rrtype(name string) uint16 {
	if t, ok := dns.StringToType[name]; ok {
		return t
	}
	var number uint16
	if _, err := fmt.Sscanf(name, "TYPE%d", &number); err != nil {
		panic("no type of record: " + name)
	}
	return number
}
