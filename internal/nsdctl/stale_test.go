package nsdctl

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
)

// updates is how many TestNoStaleAnswer makes: few in an ordinary run, and
// ACMEZONE_STALE_UPDATES in 'make stale'.
func updates(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("ACMEZONE_STALE_UPDATES"))
	if os.Getenv("ACMEZONE_STALE_UPDATES") == "" {
		n, err = 60, nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestNoStaleAnswer asks on fresh sockets right after each publication, while
// something else keeps the machine busy: no process of any server may answer old data.
func TestNoStaleAnswer(t *testing.T) {
	for _, c := range []struct {
		name    string
		visible bool // the servers' processes can be seen
	}{{"processes seen", true}, {"processes not seen", false}} {
		t.Run(c.name, func(t *testing.T) {
			primary, secondaries := nsdtest.Family(t, nsdtest.Options{Zones: authZone(), Servers: 4}, 2)
			nsdtest.KeepBusy(t, 2)
			w := newWriter(t, primary, 1)
			servers := []netip.AddrPort{primary.Addr}
			for _, s := range secondaries {
				servers = append(servers, s.Addr)
			}
			if !c.visible {
				blind(t, w)
			}
			stale := 0
			for i := range updates(t) {
				w.set("a", text(i))
				w.mustPublish()
				stale += staleAnswers(t, servers, text(i))
			}
			if stale > 0 {
				t.Errorf("%d stale answers after %d updates", stale, updates(t))
			}
		})
	}
}

// blind has the publishers see no processes, as on another machine.
func blind(t *testing.T, w *writer) {
	t.Helper()
	w.mustPublish()
	unseen := &locator{find: func() (family, bool) { return family{}, false }, again: time.Hour}
	w.nsd.place.processes = unseen
	for _, o := range w.others.known {
		o.processes = unseen
	}
}

// staleAnswers asks each server on 20 fresh sockets and counts the answers without the
// value.
func staleAnswers(t *testing.T, servers []netip.AddrPort, want string) (stale int) {
	t.Helper()
	for i := range 20 {
		network := "udp"
		if i%2 == 1 {
			network = "tcp"
		}
		for _, server := range servers {
			client := dns.Client{Net: network, Timeout: enough}
			var answer *dns.Msg
			// A reload that was asked for once more, since the first one took its time, may
			// be under way: an old process of the same data that ends cuts a connection off.
			err := retry(func() (err error) {
				answer, _, err = client.Exchange(new(dns.Msg).SetQuestion("a."+apex+".", dns.TypeTXT), server.String())
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(answer.Answer); len(answer.Answer) != 1 || answer.Answer[0].(*dns.TXT).Txt[0] != want {
				t.Logf("stale: socket %d, %s, %s: %s", i, network, server, got)
				stale++
			}
		}
	}
	return stale
}
