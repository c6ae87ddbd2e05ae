package dnsserve

import (
	"fmt"
	"net"
	"net/netip"
)

// Inherited is a UDP socket, a TCP listener or both, bound to one address.
type Inherited struct {
	UDP *net.UDPConn     // nil: none
	TCP *net.TCPListener // nil: none
}

// take takes what was inherited for that address out of the list.
func take(from *[]Inherited, addr netip.AddrPort) (found socket) {
	for i := range *from {
		have := &(*from)[i]
		if found.udp == nil && have.UDP != nil && same(have.UDP.LocalAddr(), addr) {
			found.udp, have.UDP = have.UDP, nil
		}
		if found.tcp == nil && have.TCP != nil && same(have.TCP.Addr(), addr) {
			found.tcp, have.TCP = have.TCP, nil
		}
	}
	return found
}

// same reports whether a socket is bound to that address.
func same(local net.Addr, addr netip.AddrPort) bool {
	var at netip.AddrPort
	switch local := local.(type) {
	case *net.UDPAddr:
		at = local.AddrPort()
	case *net.TCPAddr:
		at = local.AddrPort()
	}
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port()) == addr
}

// refuse complains of sockets that no listen address names: they would look as if
// they were answered.
func refuse(left []Inherited) error {
	for _, i := range left {
		switch {
		case i.UDP != nil:
			return unnamed("UDP", i.UDP.LocalAddr())
		case i.TCP != nil:
			return unnamed("TCP", i.TCP.Addr())
		}
	}
	return nil
}

func unnamed(transport string, at net.Addr) error {
	return fmt.Errorf("dns: a %s socket on %s was handed over, which is no listen address: add %q to dns.listen, or take it out of the socket unit",
		transport, at, at.String())
}

func closeAll(left []Inherited) {
	for _, i := range left {
		socket{udp: i.UDP, tcp: i.TCP}.close()
	}
}

// close closes what there is.
func (s socket) close() {
	if s.udp != nil {
		s.udp.Close()
	}
	if s.tcp != nil {
		s.tcp.Close()
	}
}
