package checktest

import (
	"net"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// KnowsNothing starts what hotels and sandboxes have for a resolver: it answers NXDOMAIN
// to everything, with nothing to prove it. It returns its address.
func KnowsNothing(t testing.TB) string {
	t.Helper()
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, question *dns.Msg) {
		answer := new(dns.Msg).SetRcode(question, dns.RcodeNameError)
		answer.RecursionAvailable = true
		_ = w.WriteMsg(answer) // it asks again
	})}
	var running sync.WaitGroup
	running.Go(func() { _ = server.ActivateAndServe() }) // ends when the socket is closed
	t.Cleanup(func() {
		_ = packets.Close()
		running.Wait()
	})
	return packets.LocalAddr().String()
}
