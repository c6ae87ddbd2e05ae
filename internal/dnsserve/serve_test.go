package dnsserve

import (
	"context"
	"net/netip"
	"testing"

	"go.uber.org/goleak"

	"github.com/acmezone/acmezone/internal/dnsserve/dnstest"
	"github.com/acmezone/acmezone/internal/zone"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start listens on loopback and serves until the test ends.
func start(t *testing.T, d *zone.Definition) *Server {
	t.Helper()
	s, err := Listen(Options{Listen: []string{"127.0.0.1:0"}, Definition: d})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, s)
	return s
}

// serve runs Serve and sees to it that it returns when the test ends.
func serve(t testing.TB, s *Server) {
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

func publish(t testing.TB, s *Server, snap *zone.Snapshot) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), dnstest.Timeout)
	defer cancel()
	if err := s.Publish(ctx, snap); err != nil {
		t.Fatal(err)
	}
}

// startCases serves the zone that the cases are about.
func startCases(t *testing.T) netip.AddrPort {
	t.Helper()
	s := start(t, dnstest.Definition(t))
	publish(t, s, dnstest.Snapshot())
	return s.Addrs()[0]
}

func TestNames(t *testing.T)    { dnstest.Run(t, startCases(t), dnstest.Names()) }
func TestProtocol(t *testing.T) { dnstest.Run(t, startCases(t), dnstest.Protocol()) }
func TestRFC8906(t *testing.T)  { dnstest.Run(t, startCases(t), dnstest.RFC8906()) }
