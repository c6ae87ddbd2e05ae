package dnsserve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
)

// portAttempts bounds the search for a port that is free for UDP and TCP alike.
const portAttempts = 16

// receiveBuffer is how many octets of questions may wait at a UDP socket, by the system's
// own count, a kilobyte or so for each: it is for moments in which the processors are taken,
// and a question that finds no room costs a resolver a second or more. Linux' own default
// has room for two hundred of them.
const receiveBuffer = 1 << 20

// bind opens UDP and TCP on one address, but for what was inherited.
func bind(listen string, inherited *[]Inherited) (socket, error) {
	addr, err := parseListen(listen)
	if err != nil {
		return socket{}, err
	}
	bound, err := complete(take(inherited, addr), addr)
	if addr.Addr() == netip.IPv6Unspecified() && withoutIPv6(err) {
		// Every address that this system has is IPv4.
		v4 := netip.AddrPortFrom(netip.IPv4Unspecified(), addr.Port())
		return complete(take(inherited, v4), v4)
	}
	return bound, err
}

// complete opens what is missing of an address. On failure it closes what was there.
func complete(have socket, addr netip.AddrPort) (socket, error) {
	bound, err := bindPort(have, addr)
	for range portAttempts {
		if addr.Port() != 0 || !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
		bound, err = bindPort(have, addr) // the port picked for UDP is in use for TCP
	}
	if err != nil {
		have.close()
	}
	return bound, err
}

// withoutIPv6 reports whether binding failed because the kernel has no IPv6, or
// has it switched off.
func withoutIPv6(err error) bool {
	return errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL)
}

// parseListen reads "192.0.2.1:53", "[2001:db8::1]:53", or ":53" for "[::]:53".
func parseListen(listen string) (netip.AddrPort, error) {
	if strings.HasPrefix(listen, ":") {
		listen = "[::]" + listen
	}
	addr, err := netip.ParseAddrPort(listen)
	if err != nil {
		return addr, fmt.Errorf(`listen address %q: want an address and a port, such as "[::]:53"`, listen)
	}
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()), nil
}

// bindPort tries once to open what is missing. On failure it leaves what was there.
func bindPort(have socket, addr netip.AddrPort) (socket, error) {
	var config net.ListenConfig
	bound := have
	if have.udp == nil {
		udp, err := config.ListenPacket(context.Background(), "udp"+family(addr.Addr()), addr.String())
		if err != nil {
			return socket{}, err
		}
		bound.udp = udp.(*net.UDPConn)
		_ = bound.udp.SetReadBuffer(receiveBuffer) // or as much of it as the system gives
	}
	addr = netip.AddrPortFrom(addr.Addr(), bound.udp.LocalAddr().(*net.UDPAddr).AddrPort().Port())
	if have.tcp == nil {
		tcp, err := config.Listen(context.Background(), "tcp"+family(addr.Addr()), addr.String())
		if err != nil {
			if have.udp == nil {
				bound.udp.Close()
			}
			return socket{}, err
		}
		bound.tcp = tcp.(*net.TCPListener)
	}
	return bound, nil
}

// family narrows the network down to what was asked for: without it "0.0.0.0"
// would take IPv6 too. Only "[::]" means both.
func family(addr netip.Addr) string {
	switch {
	case addr.Is4():
		return "4"
	case addr.IsUnspecified():
		return ""
	}
	return "6"
}
