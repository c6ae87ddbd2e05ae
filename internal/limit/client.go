package limit

import "net/netip"

// Client is what counts as one client: an IPv4 address, or the IPv6 /64 that
// whoever has one address of it has as a whole. An IPv4 address mapped into IPv6
// is that IPv4 address.
func Client(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	prefix, _ := addr.Prefix(bits) // those lengths fit
	return prefix
}
