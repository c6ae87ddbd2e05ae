package checktest

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
)

// Relay stands for what stands in front of a name server.
type Relay struct {
	To       netip.AddrPort
	NoTCP    bool // as a firewall that opens UDP only
	DropEDNS bool // as a firewall that takes OPT for an attack
}

// Start returns the address where the relay listens until the test's end.
func (r Relay) Start(t testing.TB) string {
	t.Helper()
	packets, stream := listen(t)
	var running sync.WaitGroup
	running.Go(func() { r.relayPackets(packets) })
	if r.NoTCP {
		_ = stream.Close()
	} else {
		running.Go(func() { r.relayStreams(stream) })
	}
	t.Cleanup(func() {
		_, _ = packets.Close(), stream.Close() // one may be closed already
		running.Wait()
	})
	return packets.LocalAddr().String()
}

// listen takes a port that nobody else gets, so that one that is closed stays so.
func listen(t testing.TB) (net.PacketConn, net.Listener) {
	t.Helper()
	at := nsdtest.Reserve(t, "127.0.0.1")
	nsdtest.Free(at)
	packets, err := net.ListenPacket("udp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	stream, err := net.Listen("tcp", at.String())
	if err != nil {
		_ = packets.Close()
		t.Fatal(err)
	}
	return packets, stream
}

// relayPackets ends when the socket is closed.
func (r Relay) relayPackets(packets net.PacketConn) {
	buffer := make([]byte, dns.MaxMsgSize)
	client := dns.Client{UDPSize: dns.MaxMsgSize}
	for {
		n, from, err := packets.ReadFrom(buffer)
		if err != nil {
			return
		}
		question := new(dns.Msg)
		if question.Unpack(buffer[:n]) != nil || r.DropEDNS && question.IsEdns0() != nil {
			continue
		}
		answer, _, err := client.Exchange(question, r.To.String())
		if err != nil {
			continue
		}
		if packed, err := answer.Pack(); err == nil {
			_, _ = packets.WriteTo(packed, from) // it asks again
		}
	}
}

// relayStreams serves one connection after the other: those of tests are short.
func (r Relay) relayStreams(stream net.Listener) {
	for {
		conn, err := stream.Accept()
		if err != nil {
			return
		}
		r.relayStream(conn)
	}
}

func (r Relay) relayStream(conn net.Conn) {
	defer conn.Close()
	server, err := net.Dial("tcp", r.To.String())
	if err != nil {
		return
	}
	defer server.Close()
	var answers sync.WaitGroup
	answers.Go(func() { _, _ = io.Copy(conn, server) })
	_, _ = io.Copy(server, conn) // until the client hangs up
	_ = server.Close()
	answers.Wait()
}
