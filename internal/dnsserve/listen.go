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

// bind opens UDP and TCP on one address.
func bind(listen string) (socket, error) {
	addr, err := parseListen(listen)
	if err != nil {
		return socket{}, err
	}
	bound, err := bindPort(addr)
	for range portAttempts {
		if addr.Port() != 0 || !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
		bound, err = bindPort(addr) // the port picked for UDP is in use for TCP
	}
	if addr.Addr() == netip.IPv6Unspecified() && withoutIPv6(err) {
		// Every address that this system has is IPv4.
		return bindPort(netip.AddrPortFrom(netip.IPv4Unspecified(), addr.Port()))
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

func bindPort(addr netip.AddrPort) (socket, error) {
	var config net.ListenConfig
	udp, err := config.ListenPacket(context.Background(), "udp"+family(addr.Addr()), addr.String())
	if err != nil {
		return socket{}, err
	}
	port := udp.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	addr = netip.AddrPortFrom(addr.Addr(), port)
	tcp, err := config.Listen(context.Background(), "tcp"+family(addr.Addr()), addr.String())
	if err != nil {
		udp.Close()
		return socket{}, err
	}
	return socket{udp: udp.(*net.UDPConn), tcp: tcp.(*net.TCPListener)}, nil
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
