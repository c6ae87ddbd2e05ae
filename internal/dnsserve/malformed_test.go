package dnsserve

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/dnsserve/dnstest"
)

// dropped stands for no response at all.
const dropped = -1

const testID = 0x4A5B

// head is a header with those flags and counts.
func head(flags uint16, counts ...uint16) []byte {
	b := binary.BigEndian.AppendUint16(nil, testID)
	b = binary.BigEndian.AppendUint16(b, flags)
	for _, n := range append(counts, make([]uint16, 4-len(counts))...) {
		b = binary.BigEndian.AppendUint16(b, n)
	}
	return b
}

func join(parts ...[]byte) []byte { return slices.Concat(parts...) }

// soaQuestion asks for the SOA record of the cases' zone.
func soaQuestion() []byte {
	return []byte("\x04auth\x07example\x03org\x00\x00\x06\x00\x01")
}

// opt is an OPT record with those data.
func opt(data ...byte) []byte {
	b := []byte{0, 0, 41, 0x04, 0xD0, 0, 0, 0, 0}
	return append(binary.BigEndian.AppendUint16(b, uint16(len(data))), data...)
}

// labels is a name of that many labels of one size.
func labels(count, size int) []byte {
	label := append([]byte{byte(size)}, bytes.Repeat([]byte("x"), size)...)
	return append(bytes.Repeat(label, count), 0)
}

type malformed struct {
	name   string
	packet []byte
	rcode  int
}

func malformedPackets() []malformed {
	q, in := soaQuestion(), []byte{0, 1, 0, 1} // type A, class IN
	const bad, ok, no = dns.RcodeFormatError, dns.RcodeSuccess, dns.RcodeNotImplemented
	return []malformed{
		{"one octet", []byte{0}, dropped},
		{"eleven octets", head(0, 1)[:11], dropped},
		{"header alone that claims a question", head(0, 1), bad},
		{"header alone that claims everything", head(0, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF), bad},
		{"no question", head(0), bad},
		{"no question but EDNS", join(head(0, 0, 0, 0, 1), opt()), bad},
		{"two questions", join(head(0, 2), q, q), bad},
		{"two questions claimed, one there", join(head(0, 2), q), bad},
		{"question without class", join(head(0, 1), q[:len(q)-2]), bad},
		{"question without type", join(head(0, 1), q[:len(q)-4]), bad},
		{"name without end", join(head(0, 1), q[:5]), bad},
		{"label beyond the packet", join(head(0, 1), []byte{63, 'x'}), bad},
		{"a pointer to itself in the question", join(head(0, 1), []byte{0xC0, 12}, in), bad},
		{"a pointer to the header in the question", join(head(0, 1), []byte{0xC0, 0}, in), bad},
		{"a pointer cut in half", join(head(0, 1), []byte{0xC0}), bad},
		{"reserved label type 0x40", join(head(0, 1), []byte{0x41, 'x', 0}, in), bad},
		{"reserved label type 0x80", join(head(0, 1), []byte{0x81, 'x', 0}, in), bad},
		{"name of 255 octets", join(head(0, 1), labels(127, 1), in), dns.RcodeRefused},
		{"name of 257 octets", join(head(0, 1), labels(128, 1), in), bad},
		{"name of many long labels", join(head(0, 1), labels(8, 63), in), bad},
		{"trailing octet", join(head(0, 1), q, []byte{0}), bad},
		{"trailing octets after OPT", join(head(0, 1, 0, 0, 1), q, opt(), []byte("extra")), bad},
		{"record claimed, none there", join(head(0, 1, 0, 0, 1), q), bad},
		{"answer claimed, none there", join(head(0, 1, 1), q), bad},
		{"an answer in a query", join(head(0, 1, 1), q, []byte{0xC0, 12}, in, []byte{0, 0, 0, 0, 0, 0}), bad},
		{"authority in a query", join(head(0, 1, 0, 1), q, []byte{0xC0, 12}, in, []byte{0, 0, 0, 0, 0, 0}), bad},
		{"OPT in the authority section of an IXFR",
			join(head(0, 1, 0, 1), q[:len(q)-3], []byte{251, 0, 1}, opt()), bad},
		{"record cut in its fixed part", join(head(0, 1, 0, 0, 1), q, opt()[:8]), bad},
		{"record whose data are cut", join(head(0, 1, 0, 0, 1), q, opt(0, 3, 0, 0)[:12]), bad},
		{"another record in additional", join(head(0, 1, 0, 0, 1), q, []byte{0xC0, 12}, in, []byte{0, 0, 0, 0, 0, 0}), ok},
		{"pointer loop in additional", join(head(0, 1, 0, 0, 1), q, []byte{0xC0, 34}, in, []byte{0, 0, 0, 0, 0, 0}), bad},
		{"pointer forward in additional", join(head(0, 1, 0, 0, 1), q, []byte{0xC0, 36}, in, []byte{0, 0, 0, 0, 0, 0}), bad},
		{"pointer into the header in additional", join(head(0, 1, 0, 0, 1), q, []byte{0xC0, 2}, in, []byte{0, 0, 0, 0, 0, 0}), bad},
		{"two OPT", join(head(0, 1, 0, 0, 2), q, opt(), opt()), bad},
		{"OPT with an owner", join(head(0, 1, 0, 0, 1), q, []byte{1, 'x'}, opt()), bad},
		{"OPT with a pointer to the root as its owner", join(head(0, 1, 0, 0, 1), q, []byte{0xC0, 28}, opt()[1:]), bad},
		{"option cut in its header", join(head(0, 1, 0, 0, 1), q, opt(0, 3, 0)), bad},
		{"option longer than its record", join(head(0, 1, 0, 0, 1), q, opt(0, 3, 0, 1)), bad},
		{"cookie longer than its record", join(head(0, 1, 0, 0, 1), q, opt(0, 10, 0, 8, 1, 2)), bad},
		{"response", join(head(flagQR, 1), q), dropped},
		{"response of another opcode", join(head(flagQR|4<<11, 1), q), dropped},
		{"another opcode with junk behind", join(head(3<<11, 9, 9, 9, 9), []byte("junk")), no},
		{"a well-formed question", join(head(0, 1), q), ok},
	}
}

// stream is a client's connection that raw packets go over.
type stream struct {
	net.Conn
	tcp bool
}

func dial(t testing.TB, s *Server, network string) stream {
	t.Helper()
	conn, err := net.Dial(network, s.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(dnstest.Timeout)); err != nil {
		t.Fatal(err)
	}
	return stream{conn, network == "tcp"}
}

func (c stream) send(t testing.TB, packets ...[]byte) {
	t.Helper()
	var all []byte
	for _, p := range packets {
		if c.tcp {
			all = binary.BigEndian.AppendUint16(all, uint16(len(p)))
			all = append(all, p...)
		} else if _, err := c.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	if !c.tcp {
		return
	}
	if _, err := c.Write(all); err != nil {
		t.Fatal(err)
	}
}

func (c stream) receive(t testing.TB) []byte {
	t.Helper()
	buf := make([]byte, maxMessage)
	size := 0
	var err error
	if c.tcp {
		if _, err = io.ReadFull(c, buf[:2]); err == nil {
			size, err = io.ReadFull(c, buf[:binary.BigEndian.Uint16(buf)])
		}
	} else {
		size, err = c.Read(buf)
	}
	if err != nil {
		t.Fatal(err)
	}
	return buf[:size]
}

// TestMalformed sends each packet and a good question behind it: whatever the
// first gets, the second is answered.
func TestMalformed(t *testing.T) {
	s := start(t, dnstest.Definition(t))
	publish(t, s, dnstest.Snapshot())
	probe := join(head(0, 1), soaQuestion())
	probe[0]++
	for _, network := range []string{"udp", "tcp"} {
		for _, c := range malformedPackets() {
			t.Run(network+"/"+c.name, func(t *testing.T) {
				conn := dial(t, s, network)
				conn.send(t, c.packet, probe)
				if c.rcode != dropped {
					checkRefusal(t, conn.receive(t), c.rcode)
				}
				if got := conn.receive(t); got[0] != probe[0] || got[3]&0xF != 0 {
					t.Errorf("after it, a good question gets %x", got)
				}
			})
		}
	}
}

func checkRefusal(t *testing.T, got []byte, rcode int) {
	t.Helper()
	var m dns.Msg
	if err := m.Unpack(got); err != nil {
		t.Fatalf("%x: %v", got, err)
	}
	if m.Id != testID || !m.Response || m.Rcode != rcode {
		t.Errorf("got %v", &m)
	}
	if rcode == dns.RcodeFormatError && (m.Authoritative || len(m.Answer)+len(m.Ns) > 0) {
		t.Errorf("FORMERR with data: %v", &m)
	}
}
