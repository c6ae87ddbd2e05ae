package dnsserve

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/dnsserve/dnstest"
	"github.com/acmezone/acmezone/internal/zone"
)

// numberedDefinition is a zone whose static record says which one it is.
func numberedDefinition(t testing.TB, n int) *zone.Definition {
	spec := dnstest.Spec()
	spec.Records = append(spec.Records, fmt.Sprintf("version TXT %d", n))
	return dnstest.Define(t, spec)
}

func staticVersion(t *testing.T, s *Server) string {
	t.Helper()
	got := dnstest.Ask(t, s.Addrs()[0], dnstest.Query{Name: "version", Type: "TXT"})
	return got.Answer[0].(*dns.TXT).Txt[0]
}

// redefine has other static records answered from that snapshot on.
func redefine(t *testing.T, s *Server, def *zone.Definition, since *zone.Snapshot) {
	t.Helper()
	redefine, err := s.Prepare(def)
	if err != nil {
		t.Fatal(err)
	}
	redefine(since.Serial())
}

func TestRedefineWaitsForItsSerial(t *testing.T) {
	s := start(t, numberedDefinition(t, 1))
	snaps := history(3)
	publish(t, s, snaps[1])
	for n := 2; n <= 3; n++ { // the last one counts
		redefine(t, s, numberedDefinition(t, n), snaps[3])
	}
	for _, step := range []struct {
		serial int
		want   string
	}{{1, "1"}, {0, "1"}, {2, "1"}, {3, "3"}} {
		publish(t, s, snaps[step.serial])
		if got := staticVersion(t, s); got != step.want {
			t.Errorf("after serial %d was published the records are those of definition %s, want %s", step.serial, got, step.want)
		}
	}
}

func TestRedefineBeforeTheFirstPublish(t *testing.T) {
	s := start(t, numberedDefinition(t, 1))
	redefine(t, s, numberedDefinition(t, 2), dnstest.Snapshot())
	publish(t, s, dnstest.Snapshot())
	if got := staticVersion(t, s); got != "2" {
		t.Errorf("definition %s", got)
	}
}

func TestRedefineKeepsToTheZone(t *testing.T) {
	s := start(t, numberedDefinition(t, 1))
	spec := dnstest.Spec()
	spec.Name, spec.Nameservers, spec.Records = "other.example", nil, nil
	_, err := s.Prepare(dnstest.Define(t, spec))
	if err == nil || !strings.Contains(err.Error(), "other.example") {
		t.Errorf("%v", err)
	}
	publish(t, s, dnstest.Snapshot())
	if got := staticVersion(t, s); got != "1" {
		t.Errorf("definition %s", got)
	}
}

// A definition goes with the serial that it was first answered with, in every
// answer: in ANY over TCP the record and the SOA stand side by side.
func TestRedefinedDataGoWithTheirSerial(t *testing.T) {
	const serials = 40
	apex := func(n int) *zone.Definition {
		spec := dnstest.Spec()
		spec.Records = append(spec.Records, fmt.Sprintf("@ TXT %d", n))
		return dnstest.Define(t, spec)
	}
	s := start(t, apex(1))
	snaps := history(serials)
	publish(t, s, snaps[1])
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() { compareSerials(t, s, stop) })
	}
	for n := 2; n <= serials; n++ {
		redefine(t, s, apex(n), snaps[n])
		publish(t, s, snaps[n-1]) // the same again, which changes nothing
		publish(t, s, snaps[n])
	}
	close(stop)
	readers.Wait()
}

// compareSerials asks for everything at the apex until stop, and holds the text
// there to the serial beside it.
func compareSerials(t *testing.T, s *Server, stop <-chan struct{}) {
	conn := dial(t, s, "tcp")
	for {
		select {
		case <-stop:
			return
		default:
		}
		if err := conn.SetDeadline(time.Now().Add(dnstest.Timeout)); err != nil {
			t.Error(err)
			return
		}
		conn.send(t, numbered(t, 1, dnstest.Query{Name: "@", Type: "ANY"}))
		var m dns.Msg
		if err := m.Unpack(conn.receive(t)); err != nil {
			t.Error(err)
			return
		}
		var text, serial string
		for _, rr := range m.Answer {
			switch rr := rr.(type) {
			case *dns.TXT:
				text = rr.Txt[0]
			case *dns.SOA:
				serial = fmt.Sprint(rr.Serial)
			}
		}
		if text != serial || text == "" {
			t.Errorf("text %q, serial %q", text, serial)
			return
		}
	}
}
