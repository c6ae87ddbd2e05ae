package dnsserve

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/dnsserve/dnstest"
)

// startLimited serves the cases' zone with other limits.
func startLimited(t *testing.T, change func(*tcpLimits)) *Server {
	t.Helper()
	s, err := Listen(Options{Listen: []string{"127.0.0.1:0"}, Definition: dnstest.Definition(t)})
	if err != nil {
		t.Fatal(err)
	}
	change(&s.connections.limits)
	serve(t, s)
	publish(t, s, dnstest.Snapshot())
	return s
}

func numbered(t testing.TB, id uint16, q dnstest.Query) []byte {
	t.Helper()
	m := q.Message()
	m.Id = id
	packet, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

func TestTCPPipelining(t *testing.T) {
	s := startLimited(t, func(*tcpLimits) {})
	conn := dial(t, s, "tcp")
	var packets [][]byte
	for id := range uint16(100) {
		packets = append(packets, numbered(t, id, dnstest.Query{Name: "huge", Type: "TXT"}))
	}
	conn.send(t, packets...)
	for id := range uint16(100) {
		if got := binary.BigEndian.Uint16(conn.receive(t)); got != id {
			t.Fatalf("answer %d where %d is due", got, id)
		}
	}
}

func TestTCPOctetByOctet(t *testing.T) {
	s := startLimited(t, func(*tcpLimits) {})
	conn := dial(t, s, "tcp")
	packet := numbered(t, 7, dnstest.Query{Name: "@", Type: "SOA"})
	for _, c := range append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...) {
		if _, err := conn.Write([]byte{c}); err != nil {
			t.Fatal(err)
		}
	}
	if got := conn.receive(t); binary.BigEndian.Uint16(got) != 7 {
		t.Errorf("%x", got)
	}
}

// closed reports whether the server has closed the connection, and waits for it.
func (c stream) closed(t *testing.T) bool {
	t.Helper()
	_, err := c.Read(make([]byte, 1))
	var timeout net.Error
	return err != nil && !(errors.As(err, &timeout) && timeout.Timeout())
}

func TestTCPIdle(t *testing.T) {
	s := startLimited(t, func(l *tcpLimits) { l.idle, l.busy = 50*time.Millisecond, 50*time.Millisecond })
	for name, octets := range map[string]string{
		"nothing": "", "half a length": "\x00", "half a message": "\x00\x20\x00", "a message of no octets": "\x00\x00",
	} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, s, "tcp")
			if _, err := io.WriteString(conn, octets); err != nil {
				t.Fatal(err)
			}
			if !conn.closed(t) {
				t.Error("an idle connection stays open")
			}
		})
	}
}

func TestTCPKeepaliveSaysLessWhileBusy(t *testing.T) {
	s := startLimited(t, func(l *tcpLimits) { l.total, l.busy = 1, 3*time.Second })
	conn := dial(t, s, "tcp")
	q := dnstest.Query{Name: "@", Type: "SOA", EDNS: true, Options: keepaliveOption()}
	conn.send(t, numbered(t, 1, q))
	got := conn.receive(t)
	if tail := got[len(got)-2:]; binary.BigEndian.Uint16(tail) != 30 {
		t.Errorf("timeout %x, want 30 times 100 ms", tail)
	}
}

// A client that asks and asks but never reads must lose its connection.
func TestTCPSlowReader(t *testing.T) {
	s := startLimited(t, func(l *tcpLimits) { l.write = 50 * time.Millisecond })
	conn := dial(t, s, "tcp")
	packet := numbered(t, 1, dnstest.Query{Name: "huge", Type: "TXT"})
	writer := bufio.NewWriter(conn)
	for {
		var length [2]byte
		binary.BigEndian.PutUint16(length[:], uint16(len(packet)))
		writer.Write(length[:])
		if _, err := writer.Write(packet); err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				t.Error("the connection is still open")
			}
			return
		}
	}
}

func TestTCPBounds(t *testing.T) {
	for name, limit := range map[string]func(*tcpLimits){
		"in all":     func(l *tcpLimits) { l.total = 2 },
		"per client": func(l *tcpLimits) { l.perClient = 2 },
	} {
		t.Run(name, func(t *testing.T) {
			s := startLimited(t, limit)
			answers := func(conn stream) bool {
				conn.send(t, numbered(t, 1, dnstest.Query{Name: "@", Type: "SOA"}))
				return !conn.closed(t)
			}
			first, second := dial(t, s, "tcp"), dial(t, s, "tcp")
			if !answers(first) || !answers(second) {
				t.Fatal("two connections are allowed")
			}
			if conn := dial(t, s, "tcp"); !conn.closed(t) {
				t.Fatal("a third connection is let in")
			}
			first.Close()
			for deadline := time.Now().Add(dnstest.Timeout); !tryTCP(t, s); {
				if time.Now().After(deadline) {
					t.Fatal("the place of a closed connection is not given to another")
				}
			}
		})
	}
}

// tryTCP asks over a new connection, which the server may close.
func tryTCP(t *testing.T, s *Server) bool {
	t.Helper()
	conn := dial(t, s, "tcp")
	defer conn.Close()
	packet := numbered(t, 1, dnstest.Query{Name: "@", Type: "SOA"})
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)); err != nil {
		return false
	}
	return !conn.closed(t)
}

func TestTruncatedThenTCP(t *testing.T) {
	addr := startCases(t)
	q := dnstest.Query{Name: "huge", Type: "TXT", EDNS: true}
	if got := dnstest.Ask(t, addr, q); !got.Truncated || len(got.Answer) > 0 {
		t.Errorf("over UDP: %v", got)
	}
	q.TCP = true
	if got := dnstest.Ask(t, addr, q); got.Truncated || len(got.Answer) != 2 {
		t.Errorf("over TCP: %v", got)
	}
}

func TestClientIsItsNetwork(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:5":           "192.0.2.1/32",
		"[::ffff:192.0.2.1]:5":  "192.0.2.1/32",
		"[2001:db8::1:2:3:4]:5": "2001:db8::/64",
		"[fe80::1%eth0]:5":      "fe80::/64",
	} {
		addr := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(remote))
		if got := client(remoteConn{addr: addr}); got.String() != want {
			t.Errorf("%s counts as %s, want %s", remote, got, want)
		}
	}
}

type remoteConn struct {
	net.Conn
	addr net.Addr
}

func (c remoteConn) RemoteAddr() net.Addr { return c.addr }
