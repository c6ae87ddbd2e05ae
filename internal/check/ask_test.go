package check

import (
	"net"
	"testing"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
)

// TestConnectionThatIsCutOffIsNoClosedPort has a server that replaces its processes: who
// has connected to an old one is cut off, and asks again.
func TestConnectionThatIsCutOffIsNoClosedPort(t *testing.T) {
	for cuts, answered := range map[int32]bool{0: true, cutOffTries - 1: true, cutOffTries: false} {
		stream, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listener := &nsdtest.Cutting{Listener: stream}
		listener.Left.Store(cuts)
		server := &dns.Server{Listener: listener, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
			_ = w.WriteMsg(new(dns.Msg).SetReply(q)) // what comes of it is seen below
		})}
		ended := make(chan error, 1)
		go func() { ended <- server.ActivateAndServe() }()
		_, err = asker{new(net.Dialer).DialContext}.once(t.Context(), stream.Addr().String(), question{name: "auth.example.", rrtype: dns.TypeSOA, tcp: true})
		if (err == nil) != answered {
			t.Errorf("cut off %d times: %v", cuts, err)
		}
		stream.Close()
		<-ended
	}
}
