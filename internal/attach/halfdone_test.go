package attach

import (
	"net"
	"testing"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/nsdctl"
	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
	"github.com/acmezone/acmezone/internal/zone"
)

// TestHalfDoneIsSeenInAReload has a server that answers the serial without the CNAME, and
// that cuts off who asks first, as an old process does that ends: the edit that was cut
// off half-way would stay so.
func TestHalfDoneIsSeenInAReload(t *testing.T) {
	stream, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener := &nsdtest.Cutting{Listener: stream}
	listener.Left.Store(2)
	server := &dns.Server{Listener: listener, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		_ = w.WriteMsg(new(dns.Msg).SetRcode(q, dns.RcodeNameError)) // what comes of it is seen below
	})}
	ended := make(chan error, 1)
	go func() { ended <- server.ActivateAndServe() }()
	defer func() { stream.Close(); <-ended }()
	p := &plan{
		request: &request{wanted: map[string]*dns.CNAME{zone.ChallengeOwner("www.example.com"): {Target: target}}},
		editor:  &Editor{Apex: ownZone}, nsd: &nsdctl.HandWritten{}, serial: 8,
		answers: []nsdctl.Answer{{Server: stream.Addr().String(), Serial: 8}},
	}
	if !p.isHalfDone(t.Context()) {
		t.Error("it is taken for done")
	}
}
