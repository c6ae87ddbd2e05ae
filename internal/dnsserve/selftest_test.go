package dnsserve

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zone"
)

// answering starts a server of one answer, and returns its address.
func answering(t *testing.T, answer func(*dns.Msg) *dns.Msg) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		if reply := answer(q); reply != nil {
			_ = w.WriteMsg(reply)
		}
	})}
	ended := make(chan error, 1)
	started := make(chan struct{})
	server.NotifyStartedFunc = func() { close(started) }
	go func() { ended <- server.ActivateAndServe() }()
	<-started
	t.Cleanup(func() {
		_ = server.Shutdown()
		<-ended
	})
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

func soaOf(serial uint32) func(*dns.Msg) *dns.Msg {
	return func(q *dns.Msg) *dns.Msg {
		reply := new(dns.Msg).SetReply(q)
		reply.Answer = []dns.RR{&dns.SOA{Hdr: dns.RR_Header{Name: "auth.test.", Rrtype: dns.TypeSOA, Class: dns.ClassINET}, Ns: "x.", Mbox: "x.", Serial: serial}}
		return reply
	}
}

// TestSelfTestOfDNS: what another process would do better is a fault, what an overloaded
// server does is none.
func TestSelfTestOfDNS(t *testing.T) {
	t.Parallel()
	const nothing = "nothing"
	var n atomic.Int32
	for name, c := range map[string]struct {
		answer func(*dns.Msg) *dns.Msg
		fault  string
	}{
		"the serial":   {soaOf(7), ""},
		"a later one":  {soaOf(8), ""},
		"an older one": {soaOf(6), "serial 7 is published"},
		"SERVFAIL":     {func(q *dns.Msg) *dns.Msg { return new(dns.Msg).SetRcode(q, dns.RcodeServerFailure) }, "SERVFAIL"},
		nothing:        {func(*dns.Msg) *dns.Msg { return nil }, "has not answered its SOA in time"},
		"the tenth only": {func(q *dns.Msg) *dns.Msg {
			if n.Add(1) < 10 {
				return nil
			}
			return soaOf(7)(q)
		}, ""},
		"limited": {func(q *dns.Msg) *dns.Msg {
			reply := new(dns.Msg).SetReply(q)
			reply.Truncated = true
			return reply
		}, ""},
	} {
		patience := time.Minute
		if name == nothing {
			patience = time.Second // it is waited for in vain
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		q := selfQuestion{servers: []netip.AddrPort{answering(t, c.answer)}, zone: "auth.test.", least: 7, ready: true}
		err := q.ask(ctx)
		cancel()
		if c.fault == "" && err != nil || c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSelfTestIsNotRateLimited: whoever floods with addresses of the server's own network
// has its share used up, and must not have the watchdog end the service.
func TestSelfTestIsNotRateLimited(t *testing.T) {
	t.Parallel()
	def, err := zone.Define(zone.Spec{Name: "auth.test", Records: []string{"@ A 127.0.0.1"}, TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	server, err := Listen(Options{Listen: []string{"127.0.0.1:0"}, Definition: def, RateLimit: RateLimit{PerSecond: 1}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx) }()
	defer func() { stop(); <-ended }()
	if err := server.Publish(ctx, zone.NewSnapshot(7, 0)); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if err := server.SelfTest(ctx, 7, true); err != nil {
			t.Fatal(err)
		}
	}
	if stats := server.Stats(); stats.RateLimited > 0 || stats.CookiesValid < 20 {
		t.Errorf("%d left without an answer, %d with a valid cookie", stats.RateLimited, stats.CookiesValid)
	}
}

// TestReachable: a socket for every address is asked where this machine reaches it.
func TestReachable(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.1:53": "[192.0.2.1:53]", "0.0.0.0:53": "[127.0.0.1:53]", "[::]:53": "[[::1]:53 127.0.0.1:53]", "[2001:db8::1]:53": "[[2001:db8::1]:53]",
	} {
		var got []string
		for _, a := range reachable(netip.MustParseAddrPort(addr)) {
			got = append(got, a.String())
		}
		if text := "[" + strings.Join(got, " ") + "]"; text != want {
			t.Errorf("%s: %s", addr, text)
		}
	}
}
