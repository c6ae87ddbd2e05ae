package e2e

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
	"github.com/nrdcg/goacmedns"
)

// beside is acmezone beside NSD: a primary that acmezone hands the zone to, and
// two secondaries that the world asks.
type beside struct {
	*service
	servers []*nsdtest.Server // the primary first
}

// startBeside starts NSD before there is a zone file, as on the day when acmezone
// is set up. The lines belong to the primary's zone: clause.
func startBeside(t *testing.T, mode, lines string) *beside {
	t.Helper()
	return startBesideWith(t, mode, nsdtest.Options{
		Zones: []nsdtest.Zone{{Name: zoneName, File: zoneName + ".zone", Extra: lines}},
	})
}

func startBesideWith(t *testing.T, mode string, options nsdtest.Options) *beside {
	t.Helper()
	primary, secondaries := nsdtest.Family(t, options, 2)
	s := &beside{servers: append([]*nsdtest.Server{primary}, secondaries...)}
	s.service = launchService(t, mode, nil, func(int) string {
		return fmt.Sprintf("[nsd]\nconfig = %q\n", primary.Config)
	})
	s.dns = secondaries[1].Addr.String()
	return s
}

// TestLegoBesideNSD has the resolver ask a secondary, so a value that only the
// primary has is no use.
func TestLegoBesideNSD(t *testing.T) {
	t.Parallel()
	newBedFor(t, startBeside(t, certFiles, "").service).obtainWithLego(t)
}

// ixfrOut has a primary answer with what changed; without it an NSD that reads the
// zone from a file answers with the whole zone. What 4.6.1 makes of this zone
// doesn't apply cleanly, so here the secondaries take the way back to the whole
// zone each time.
const ixfrOut = "store-ixfr: yes\ncreate-ixfr: yes"

// TestBesideNSDServesWhatItAnswers updates one name after another and many at once,
// and looks for each value when its 200 is there.
func TestBesideNSDServesWhatItAnswers(t *testing.T) {
	t.Parallel()
	for _, way := range []struct{ name, lines string }{{"whole zones", ""}, {"changes", ixfrOut}} {
		t.Run(way.name, func(t *testing.T) {
			s := startBeside(t, plainHTTP, way.lines)
			for range 20 {
				s.updateAtOnce(t, 1)
			}
			s.updateAtOnce(t, 64)
		})
	}
}

// updateAtOnce has n clients update at the same time.
func (s *beside) updateAtOnce(t *testing.T, n int) {
	t.Helper()
	client, err := goacmedns.NewClient(s.url)
	if err != nil {
		t.Fatal(err)
	}
	var accounts []account
	for range n {
		accounts = append(accounts, s.register(t))
	}
	var running sync.WaitGroup
	for _, a := range accounts {
		running.Go(func() {
			if err := s.updateAndLook(t, client, a); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
}

// updateAndLook looks more than once: for a moment after a reload NSD's old
// processes answer beside the new ones, and who gets a question is chance.
func (s *beside) updateAndLook(t *testing.T, client *goacmedns.Client, a account) error {
	value := newValue()
	if err := client.UpdateTXTRecord(limited(t), a.stored(), value); err != nil {
		return err
	}
	var missed []error
	for range 20 {
		missed = append(missed, s.look(a.FullDomain, value)...)
	}
	if len(missed) > 0 {
		return fmt.Errorf("answered 200, and then missed %d times: %w", len(missed), missed[0])
	}
	return nil
}

// look asks each server over UDP and TCP.
func (s *beside) look(name, value string) (missed []error) {
	for _, server := range s.servers {
		for _, network := range []string{"udp", "tcp"} {
			values, err := textsAtLast(network, server.Addr.String(), name)
			if err == nil && !slices.Contains(values, value) {
				err = fmt.Errorf("%s at %s over %s: %q is not among %q", name, server.Addr, network, value, values)
			}
			if err != nil {
				missed = append(missed, err)
			}
		}
	}
	return missed
}
