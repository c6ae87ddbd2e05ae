package e2e

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
	"github.com/acmezone/acmezone/internal/zone"
	"github.com/miekg/dns"
	"github.com/nrdcg/goacmedns"
)

// staleUpdates is how many updates TestNoStaleAnswerAfter200 makes in each way: few in
// an ordinary run, ACMEZONE_STALE_UPDATES in 'make stale'.
func staleUpdates(t *testing.T) int {
	t.Helper()
	text := os.Getenv("ACMEZONE_STALE_UPDATES")
	if text == "" {
		return 64
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestNoStaleAnswerAfter200 has four processes at each server, whose old ones answer
// beside the new ones for a moment, on a machine whose processors are kept busy.
func TestNoStaleAnswerAfter200(t *testing.T) {
	s := startBesideWith(t, plainHTTP, nsdtest.Options{
		Zones: []nsdtest.Zone{{Name: zoneName, File: zoneName + ".zone"}}, Servers: 4,
	})
	nsdtest.KeepBusy(t, 2)
	for _, clients := range []int{1, 64} {
		began, n := time.Now(), staleUpdates(t)
		misses := s.updateMany(t, clients, n)
		t.Logf("%d clients: %d updates in %v, %d answers without the value", clients, n, time.Since(began).Round(time.Second), misses)
		if misses > 0 {
			t.Errorf("%d stale answers", misses)
		}
	}
}

// updateMany makes n updates by that many clients, and counts the answers that miss a
// value which was answered 200.
func (s *beside) updateMany(t *testing.T, clients, n int) int64 {
	t.Helper()
	client, err := goacmedns.NewClient(s.url)
	if err != nil {
		t.Fatal(err)
	}
	var next, misses atomic.Int64
	var running sync.WaitGroup
	for range clients {
		a := s.register(t)
		running.Go(func() {
			var last zone.Serial
			for next.Add(1) <= int64(n) {
				value := newValue()
				if err := client.UpdateTXTRecord(limited(t), a.stored(), value); err != nil {
					t.Error(err)
					return
				}
				misses.Add(s.countMisses(t, a.FullDomain, value))
				last = s.mustRise(t, last)
			}
		})
	}
	running.Wait()
	return misses.Load()
}

// countMisses asks each server on 20 fresh sockets.
func (s *beside) countMisses(t *testing.T, name, value string) (misses int64) {
	for i := range 20 {
		network := []string{"udp", "tcp"}[i%2]
		for _, server := range s.servers {
			values, err := textsAtLast(network, server.Addr.String(), name)
			if err != nil {
				t.Error(err)
			}
			if !slices.Contains(values, value) {
				t.Logf("socket %d, %s, %s: %q is not among %q", i, network, server.Addr, value, values)
				misses++
			}
		}
	}
	return misses
}

// textsAtLast asks again where NSD cuts a connection off, as it does when one of its
// old processes ends that has just taken it: that is no answer.
func textsAtLast(network, server, name string) (values []string, err error) {
	for range 10 {
		if values, err = textsOver(network, server, name); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
			break
		}
	}
	return values, err
}

// mustRise fails if a server answers a serial before the one that was seen earlier, and
// returns the greatest of them.
func (s *beside) mustRise(t *testing.T, last zone.Serial) zone.Serial {
	t.Helper()
	greatest := last
	for _, server := range s.servers {
		serial, err := soaSerial(server.Addr.String())
		if err != nil {
			t.Error(err)
		}
		if last != 0 && serial.Less(last) {
			t.Errorf("%s answers serial %d after %d", server.Addr, serial, last)
		}
		if greatest == 0 || greatest.Less(serial) {
			greatest = serial
		}
	}
	return greatest
}

func soaSerial(server string) (zone.Serial, error) {
	answer, err := ask(server, zoneName, dns.TypeSOA)
	if err != nil {
		return 0, err
	}
	for _, rr := range answer.Answer {
		if soa, ok := rr.(*dns.SOA); ok {
			return zone.Serial(soa.Serial), nil
		}
	}
	return 0, fmt.Errorf("no SOA from %s", server)
}
