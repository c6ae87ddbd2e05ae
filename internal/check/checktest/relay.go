package checktest

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/miekg/dns"
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

// listen finds a port that is free for both.
func listen(t testing.TB) (net.PacketConn, net.Listener) {
	t.Helper()
	for range 100 {
		packets, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if stream, err := net.Listen("tcp", packets.LocalAddr().String()); err == nil {
			return packets, stream
		}
		_ = packets.Close()
	}
	t.Fatal("no port is free for UDP and TCP")
	return nil, nil
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
