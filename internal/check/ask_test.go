package check

import (
	"net"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
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

// TestConnectionThatIsCutOffIsNoClosedPort has a server that replaces its processes: who
// has connected to an old one is cut off, and asks again.
func TestConnectionThatIsCutOffIsNoClosedPort(t *testing.T) {
	for cuts, answered := range map[int32]bool{0: true, cutOffTries - 1: true, cutOffTries: false} {
		stream, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listener := &cutting{Listener: stream}
		listener.left.Store(cuts)
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
