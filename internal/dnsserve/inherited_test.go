package dnsserve

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/dnsserve/dnstest"
)

// handOver binds an address and returns copies of the sockets, made of their
// descriptors, as a service manager hands them over. It keeps its own ones open.
func handOver(t *testing.T) (udp *net.UDPConn, tcp *net.TCPListener) {
	t.Helper()
	bound, err := bind("127.0.0.1:0", new([]Inherited))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bound.close)
	udpFile, err := bound.udp.File()
	if err != nil {
		t.Fatal(err)
	}
	defer udpFile.Close()
	tcpFile, err := bound.tcp.File()
	if err != nil {
		t.Fatal(err)
	}
	defer tcpFile.Close()
	conn, err := net.FilePacketConn(udpFile)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.FileListener(tcpFile)
	if err != nil {
		t.Fatal(err)
	}
	return conn.(*net.UDPConn), listener.(*net.TCPListener)
}

func answersBoth(t *testing.T, at netip.AddrPort) {
	t.Helper()
	for _, tcp := range []bool{false, true} {
		dnstest.Ask(t, at, dnstest.Query{Name: "@", Type: "SOA", TCP: tcp})
	}
}

func TestInheritedSockets(t *testing.T) {
	udp, tcp := handOver(t)
	listen := udp.LocalAddr().String()
	s, err := Listen(Options{Listen: []string{"127.0.0.1:0", listen}, Definition: dnstest.Definition(t),
		Inherited: []Inherited{{TCP: tcp}, {UDP: udp}}})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, s)
	publish(t, s, dnstest.Snapshot())
	if got := s.Addrs()[1].String(); got != listen {
		t.Errorf("on %s, want %s", got, listen)
	}
	answersBoth(t, s.Addrs()[0])
	answersBoth(t, s.Addrs()[1])
}

// Of an address of which one socket is handed over, the other is bound here.
func TestInheritedHalves(t *testing.T) {
	half, err := bind("127.0.0.1:0", new([]Inherited))
	if err != nil {
		t.Fatal(err)
	}
	half.tcp.Close()
	other, err := bind("127.0.0.1:0", new([]Inherited))
	if err != nil {
		t.Fatal(err)
	}
	other.udp.Close()
	s, err := Listen(Options{Listen: []string{half.udp.LocalAddr().String(), other.tcp.Addr().String()},
		Definition: dnstest.Definition(t), Inherited: []Inherited{{UDP: half.udp}, {TCP: other.tcp}}})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, s)
	publish(t, s, dnstest.Snapshot())
	answersBoth(t, s.Addrs()[0])
	answersBoth(t, s.Addrs()[1])
}

func TestInheritedSocketThatNoListenAddressNames(t *testing.T) {
	udp, tcp := handOver(t)
	for what, inherited := range map[string]Inherited{"UDP": {UDP: udp}, "TCP": {TCP: tcp}} {
		_, err := Listen(Options{Listen: []string{"127.0.0.1:0"}, Definition: dnstest.Definition(t), Inherited: []Inherited{inherited}})
		if err == nil || !strings.Contains(err.Error(), "a "+what+" socket on 127.0.0.1:") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if udp.Close() == nil || tcp.Close() == nil {
		t.Error("what was handed over is still open")
	}
}

// What waits in a socket while nobody reads it is answered by whom it is handed
// over to.
func TestInheritedQueueIsAnswered(t *testing.T) {
	udp, tcp := handOver(t)
	at := udp.LocalAddr().(*net.UDPAddr).AddrPort()
	conns := make(map[string]stream)
	for _, network := range []string{"udp", "tcp"} {
		conn, err := net.Dial(network, at.String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(dnstest.Timeout)); err != nil {
			t.Fatal(err)
		}
		conns[network] = stream{conn, network == "tcp"}
		conns[network].send(t, numbered(t, 1, dnstest.Query{Name: "@", Type: "SOA"}))
	}
	s, err := Listen(Options{Listen: []string{at.String()}, Definition: dnstest.Definition(t), Inherited: []Inherited{{udp, tcp}}})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, s)
	publish(t, s, dnstest.Snapshot())
	for network, conn := range conns {
		if rcode := conn.receive(t)[3] & 0xF; rcode != 0 {
			t.Errorf("%s: rcode %d for a question from before the first Publish", network, rcode)
		}
	}
}
