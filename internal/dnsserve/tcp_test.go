package dnsserve

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/dnsserve/dnstest"
	"github.com/acmezone/acmezone/internal/limit"
)

// startLimited serves the cases' zone with other limits, and what change changes.
func startLimited(t testing.TB, opts Options, change func(*Server)) *Server {
	t.Helper()
	opts.Listen, opts.Definition = []string{"127.0.0.1:0"}, dnstest.Definition(t)
	s, err := Listen(opts)
	if err != nil {
		t.Fatal(err)
	}
	change(s)
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
	s := startLimited(t, Options{}, func(*Server) {})
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
	s := startLimited(t, Options{}, func(*Server) {})
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
	s := startLimited(t, Options{}, func(s *Server) { s.timeouts.idle, s.timeouts.busy = 50*time.Millisecond, 50*time.Millisecond })
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
	s := startLimited(t, Options{Connections: 1}, func(s *Server) { s.timeouts.busy = 3 * time.Second })
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
	s := startLimited(t, Options{}, func(s *Server) { s.timeouts.write = 50 * time.Millisecond })
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

// A newcomer is let in, and answered, in the place of the connection that has been
// idle for longest; the others stay.
func TestTCPBounds(t *testing.T) {
	for name, opts := range map[string]Options{"in all": {Connections: 2}, "per client": {ConnectionsPerAddress: 2}} {
		t.Run(name, func(t *testing.T) {
			s := startLimited(t, opts, func(s *Server) {
				s.timeouts.idle, s.timeouts.busy = dnstest.Timeout, dnstest.Timeout // however slow the machine is
			})
			conns := make([]stream, 3)
			for i := range conns {
				conns[i] = dial(t, s, "tcp")
				conns[i].ask(t)
			}
			if !conns[0].closed(t) {
				t.Error("the oldest connection is still open")
			}
			conns[1].ask(t)
			conns[2].ask(t)
			if got, want := s.connections.Stats(), (limit.ConnectionStats{Open: 2, Evicted: 1}); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
}

// TestTCPBoundsLowered: what is too many then is closed, the longest idle first.
func TestTCPBoundsLowered(t *testing.T) {
	s := startLimited(t, Options{}, func(s *Server) {
		s.timeouts.idle, s.timeouts.busy = dnstest.Timeout, dnstest.Timeout // however slow the machine is
	})
	conns := make([]stream, 3)
	for i := range conns {
		conns[i] = dial(t, s, "tcp")
		conns[i].ask(t)
		conns[i].ask(t) // by then the one before has been noted
	}
	s.SetConnections(10, 1)
	for i := range 2 {
		if !conns[i].closed(t) {
			t.Errorf("connection %d is still open", i)
		}
	}
	conns[2].ask(t)
}

func (c stream) ask(t *testing.T) {
	t.Helper()
	c.send(t, numbered(t, 1, dnstest.Query{Name: "@", Type: "SOA"}))
	c.receive(t)
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
