package dnsserve

import (
	"fmt"
	"net"
	"strconv"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/dnsserve/dnstest"
	"github.com/acmezone/acmezone/internal/zone"
)

// history makes a snapshot for each serial up to n. Where the serial is odd, the
// name "odd" holds it as its value; where it is even, the name "even" does.
func history(n int) []*zone.Snapshot {
	snaps := []*zone.Snapshot{zone.NewSnapshot(0, 0)}
	for serial := 1; serial <= n; serial++ {
		edit := snaps[serial-1].Edit()
		edit.Clear("odd")
		edit.Clear("even")
		edit.Set(parity(serial), strconv.Itoa(serial), 0, 6)
		next, _ := edit.Finish(zone.Serial(serial))
		snaps = append(snaps, next)
	}
	return snaps
}

func parity(serial int) string {
	if serial%2 == 1 {
		return "odd"
	}
	return "even"
}

// consistent checks one answer for the name: a value belongs to the name's
// parity; a denial has a serial at which the name was idle.
func consistent(m *dns.Msg, name string) error {
	if len(m.Answer) == 1 {
		value, err := strconv.Atoi(m.Answer[0].(*dns.TXT).Txt[0])
		if err != nil || parity(value) != name {
			return fmt.Errorf("%s holds %d", name, value)
		}
		return nil
	}
	if soa, ok := m.Ns[0].(*dns.SOA); !ok || parity(int(soa.Serial)) == name {
		return fmt.Errorf("%s is denied with %v", name, m.Ns)
	}
	return nil
}

func TestSerialAndDataBelongTogether(t *testing.T) {
	const serials = 300
	s := start(t, dnstest.Definition(t))
	snaps := history(serials)
	publish(t, s, snaps[1])
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for _, name := range []string{"odd", "even"} {
		for _, tcp := range []bool{false, true} {
			readers.Go(func() { read(t, s, dnstest.Query{Name: name, Type: "TXT", TCP: tcp}, stop) })
		}
	}
	for serial := 2; serial <= serials; serial++ {
		publish(t, s, snaps[serial])
		got := dnstest.Ask(t, s.Addrs()[0], dnstest.Query{Name: "@", Type: "SOA", TCP: serial%10 == 0})
		if answered := got.Answer[0].(*dns.SOA).Serial; int(answered) != serial {
			t.Errorf("published %d, answered %d", serial, answered)
		}
	}
	close(stop)
	readers.Wait()
}

func read(t *testing.T, s *Server, q dnstest.Query, stop <-chan struct{}) {
	network := map[bool]string{false: "udp", true: "tcp"}[q.TCP]
	conn := dial(t, s, network)
	for {
		select {
		case <-stop:
			return
		default:
		}
		conn.send(t, numbered(t, 1, q))
		var m dns.Msg
		if err := m.Unpack(conn.receive(t)); err != nil {
			t.Error(err)
			return
		}
		if err := consistent(&m, q.Name); err != nil {
			t.Error(err)
		}
	}
}

// TestQuestionsThatGather while nobody answers, more of them than have room in a socket as
// Linux makes it, are all answered.
func TestQuestionsThatGather(t *testing.T) {
	s := start(t, dnstest.Definition(t))
	conn := dial(t, s, "udp")
	if err := conn.Conn.(*net.UDPConn).SetReadBuffer(receiveBuffer); err != nil {
		t.Fatal(err)
	}
	const questions = 300
	packet := numbered(t, 1, dnstest.Query{Name: "@", Type: "SOA"})
	for range questions {
		conn.send(t, packet)
	}
	publish(t, s, dnstest.Snapshot())
	for range questions {
		conn.receive(t)
	}
}
