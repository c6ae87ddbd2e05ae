package attach

import (
	"net"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/nsdctl"
	"github.com/acmezone/acmezone/internal/zone"
)

// cutting is a listener that resets connections until it has done so that often.
type cutting struct {
	net.Listener
	left atomic.Int32
}

func (l *cutting) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	for ; err == nil && l.left.Add(-1) >= 0; conn, err = l.Listener.Accept() {
		_ = conn.(*net.TCPConn).SetLinger(0) // a reset, and not an orderly end
		_ = conn.Close()
	}
	return conn, err
}

// TestHalfDoneIsSeenInAReload has a server that answers the serial without the CNAME, and
// that cuts off who asks first, as an old process does that ends: the edit that was cut
// off half-way would stay so.
func TestHalfDoneIsSeenInAReload(t *testing.T) {
	stream, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener := &cutting{Listener: stream}
	listener.left.Store(2)
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
