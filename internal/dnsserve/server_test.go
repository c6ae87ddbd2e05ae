package dnsserve

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/dnsserve/dnstest"
	"github.com/acmezone/acmezone/internal/zone"
)

func TestListenSamePortForBoth(t *testing.T) {
	s, err := Listen(Options{Listen: []string{"127.0.0.1:0", "127.0.0.1:0"}, Definition: dnstest.Definition(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	addrs := s.Addrs()
	if len(addrs) != 2 || addrs[0] == addrs[1] {
		t.Fatal(addrs)
	}
	for i, so := range s.sockets {
		if tcp := so.tcp.Addr().(*net.TCPAddr).AddrPort(); tcp != addrs[i] || tcp.Port() == 0 {
			t.Errorf("UDP on %s, TCP on %s", addrs[i], tcp)
		}
	}
}

func TestListenErrors(t *testing.T) {
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	for _, c := range []struct {
		addr string
		say  string
		is   error
	}{
		{udp.LocalAddr().String(), "listen udp4 " + udp.LocalAddr().String(), syscall.EADDRINUSE},
		{tcp.Addr().String(), "listen tcp4 " + tcp.Addr().String(), syscall.EADDRINUSE},
		{"203.0.113.1:0", "listen udp4 203.0.113.1:0", syscall.EADDRNOTAVAIL},
		{"localhost:53", `listen address "localhost:53"`, nil},
		{"127.0.0.1", `listen address "127.0.0.1"`, nil},
	} {
		s, err := Listen(Options{Listen: []string{"127.0.0.1:0", c.addr}, Definition: dnstest.Definition(t)})
		if err == nil {
			s.Close()
			t.Errorf("%s: no error", c.addr)
			continue
		}
		if !strings.Contains(err.Error(), c.say) || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %v", c.addr, err)
		}
	}
}

func TestListenClosesWhatItOpened(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	if _, err := bind(tcp.Addr().String(), new([]Inherited)); err == nil {
		t.Fatal("no error")
	}
	udp, err := net.ListenPacket("udp", tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	udp.Close()
}

func TestListenNeedsAnAddress(t *testing.T) {
	if _, err := Listen(Options{Definition: dnstest.Definition(t)}); err == nil {
		t.Error("no error")
	}
}

func TestFamily(t *testing.T) {
	for addr, want := range map[string]string{"0.0.0.0": "4", "127.0.0.1": "4", "::": "", "::1": "6"} {
		if got := family(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %q, want %q", addr, got, want)
		}
	}
	if addr, err := parseListen(":53"); err != nil || addr.String() != "[::]:53" {
		t.Errorf("%v, %v", addr, err)
	}
}

// wildcards are addresses to listen on and one to ask at.
var wildcards = []struct{ listen, asked string }{
	{"0.0.0.0:0", "127.0.0.1"}, {"0.0.0.0:0", "127.0.0.77"},
	{"[::]:0", "127.0.0.77"}, {"[::]:0", "::1"},
}

// On a wildcard bind the answer must leave from the address that was asked; a
// connected UDP socket takes no other.
func TestWildcardBindAnswersFromTheAddressAsked(t *testing.T) {
	for _, c := range wildcards {
		t.Run(c.listen+" "+c.asked, func(t *testing.T) {
			asked := netip.MustParseAddr(c.asked)
			if asked.Is6() && !hasIPv6() {
				t.Skip("no IPv6 here")
			}
			s, err := Listen(Options{Listen: []string{c.listen}, Definition: dnstest.Definition(t)})
			if err != nil {
				t.Fatal(err)
			}
			serve(t, s)
			publish(t, s, dnstest.Snapshot())
			at := netip.AddrPortFrom(asked, s.Addrs()[0].Port())
			for _, tcp := range []bool{false, true} {
				dnstest.Ask(t, at, dnstest.Query{Name: "@", Type: "SOA", TCP: tcp})
			}
		})
	}
}

func hasIPv6() bool {
	conn, err := net.ListenPacket("udp6", "[::1]:0")
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

func TestPublishWhileNotServing(t *testing.T) {
	s, err := Listen(Options{Listen: []string{"127.0.0.1:0"}, Definition: dnstest.Definition(t)})
	if err != nil {
		t.Fatal(err)
	}
	done, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Publish(done, dnstest.Snapshot()); !errors.Is(err, ErrNotServing) || !errors.Is(err, context.Canceled) {
		t.Errorf("before Serve: %v", err)
	}
	if err := s.Serve(done); err != nil {
		t.Fatal(err)
	}
	if err := s.Publish(context.Background(), dnstest.Snapshot()); !errors.Is(err, ErrNotServing) {
		t.Errorf("after Serve: %v", err)
	}
	if _, err := net.Dial("tcp", s.Addrs()[0].String()); err == nil {
		t.Error("the socket is still open")
	}
}

func TestPublishIsIdempotentAndNeverGoesBack(t *testing.T) {
	s := start(t, dnstest.Definition(t))
	older, newer := zone.NewSnapshot(0xFFFFFFFF, 0), zone.NewSnapshot(3, 0)
	for _, snap := range []*zone.Snapshot{older, newer, newer, older} {
		publish(t, s, snap)
	}
	if got := s.version.Load().snap; got != newer {
		t.Errorf("serial %d", got.Serial())
	}
}

func TestServeEndsConnections(t *testing.T) {
	s, err := Listen(Options{Listen: []string{"127.0.0.1:0"}, Definition: dnstest.Definition(t)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	publish(t, s, dnstest.Snapshot())
	conn := dial(t, s, "tcp")
	conn.send(t, numbered(t, 1, dnstest.Query{Name: "@", Type: "SOA"}))
	conn.receive(t)
	cancel()
	select {
	case err := <-served:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(dnstest.Timeout):
		t.Fatal("Serve doesn't return while a client keeps its connection")
	}
	if !conn.closed(t) {
		t.Error("the connection is still open")
	}
}

func TestGuardDropsAndLogsOnce(t *testing.T) {
	var log strings.Builder
	broken := &Server{responder: &responder{}, log: slog.New(slog.NewTextHandler(&log, nil))}
	for range 2 {
		got, o := broken.answer(nil, numbered(t, 1, dnstest.Query{Name: "@", Type: "SOA"}), transport{})
		if got != nil || o != (outcome{fate: ignored}) {
			t.Errorf("%x, %v", got, o)
		}
	}
	if n := strings.Count(log.String(), "level=ERROR"); n != 1 {
		t.Errorf("logged %d times: %s", n, log.String())
	}
}
