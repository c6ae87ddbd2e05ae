package nsdtest

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
)

// held has the sockets that keep a reserved address from others.
var held sync.Map // netip.AddrPort -> []io.Closer

// Reserve returns an address with a port that is free for UDP and TCP, for an NSD
// that others have to know before it starts; its Options.Addr is the address as
// text. The port is kept until then, and no other test gets it before this one ends,
// in whatever process: a server that is stopped finds it free again. It is below the
// range that outgoing connections take theirs from.
func Reserve(t testing.TB, ip string) netip.AddrPort {
	t.Helper()
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		at := netip.AddrPortFrom(addr, uint16(10_000+rand.IntN(22_000)))
		claim, err := net.Listen("unix", fmt.Sprintf("@acmezone-test-port-%d", at.Port()))
		if err != nil {
			continue // another test has it
		}
		if sockets := listen(at); sockets != nil {
			held.Store(at, sockets)
			t.Cleanup(func() { Free(at); _ = claim.Close() })
			return at
		}
		_ = claim.Close()
	}
	t.Fatalf("%s has no free ports", ip)
	return netip.AddrPort{}
}

// reserved is the address that the options ask for.
func reserved(t testing.TB, addr string) netip.AddrPort {
	t.Helper()
	if at, err := netip.ParseAddrPort(addr); err == nil {
		return at
	}
	if addr == "" {
		addr = "127.0.0.1"
	}
	return Reserve(t, addr)
}

// listen returns nil if the port is taken.
func listen(at netip.AddrPort) []io.Closer {
	stream, err := net.Listen("tcp", at.String())
	if err != nil {
		return nil
	}
	packets, err := net.ListenPacket("udp", at.String())
	if err != nil {
		_ = stream.Close()
		return nil
	}
	return []io.Closer{stream, packets}
}

// release makes room for NSD.
func (s *Server) release() {
	Free(s.Addr)
	if s.options.tls() {
		Free(netip.MustParseAddrPort(s.ControlSocket))
	}
}

// Free lets go of a reserved address, for whoever in this test is to listen there.
func Free(at netip.AddrPort) {
	sockets, ok := held.LoadAndDelete(at)
	if !ok {
		return // released before
	}
	for _, socket := range sockets.([]io.Closer) {
		_ = socket.Close()
	}
}
