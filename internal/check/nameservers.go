package check

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/miekg/dns"
)

// host is a name server, or would be if it had an address.
type host struct {
	name  string // with the dot at the end
	addrs []netip.Addr
	err   error // why it has none
}

// host looks the addresses of a name server up.
func (r *resolver) host(ctx context.Context, name string) host {
	h := host{name: name}
	for _, found := range parallel([]uint16{dns.TypeA, dns.TypeAAAA}, func(rrtype uint16) host { return r.addresses(ctx, name, rrtype) }) {
		h.addrs = append(h.addrs, found.addrs...)
		if found.err != nil {
			h.err = found.err
		}
	}
	return h
}

// server is one address of a name server.
type server struct {
	name string
	addr string // host:port
}

// zoneAbove returns the zone that holds a name: the nearest one, at the name or above
// it, that has an SOA record.
func (r *resolver) zoneAbove(ctx context.Context, name string) (string, error) {
	for name = dns.CanonicalName(name); ; name = parent(name) {
		if r.isAlias(ctx, name) {
			continue
		}
		answer, err := r.data(ctx, name, dns.TypeSOA)
		if err != nil {
			return "", err
		}
		if len(records[*dns.SOA](answer.Answer, name)) > 0 {
			return name, nil
		}
		if name == "." {
			return "", fmt.Errorf("the resolver %s knows no zone that holds it, not even the root", r.server)
		}
	}
}

// isAlias reports whether a CNAME stands at the name. To ask for anything else there is
// to ask the servers of its target, which may be out of order.
func (r *resolver) isAlias(ctx context.Context, name string) bool {
	answer, err := r.data(ctx, name, dns.TypeCNAME)
	return err == nil && len(records[*dns.CNAME](answer.Answer, name)) > 0
}

// parent is the name without its first label.
func parent(name string) string {
	next, end := dns.NextLabel(name, 0)
	if end {
		return "."
	}
	return name[next:]
}

// hosts returns the name servers of a zone with their addresses.
func (r *resolver) hosts(ctx context.Context, zone string) ([]host, error) {
	answer, err := r.data(ctx, zone, dns.TypeNS)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, ns := range records[*dns.NS](answer.Answer, zone) {
		names = append(names, dns.CanonicalName(ns.Ns))
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("the resolver %s finds no name servers of %s", r.server, bare(zone))
	}
	return parallel(names, func(name string) host { return r.host(ctx, name) }), nil
}

// addresses returns those of one type.
func (r *resolver) addresses(ctx context.Context, name string, rrtype uint16) host {
	answer, err := r.data(ctx, name, rrtype)
	if err != nil {
		return host{name: name, err: err}
	}
	h := host{name: name}
	for _, rr := range answer.Answer {
		if addr, ok := address(rr); ok {
			h.addrs = append(h.addrs, addr)
		}
	}
	return h
}

// servers returns each address of each host.
func servers(hosts []host) []server {
	var all []server
	for _, h := range hosts {
		for _, addr := range h.addrs {
			all = append(all, server{h.name, netip.AddrPortFrom(addr, 53).String()})
		}
	}
	return all
}

// zoneServers returns the addresses of a zone's name servers.
func (r *resolver) zoneServers(ctx context.Context, zone string) ([]server, error) {
	hosts, err := r.hosts(ctx, zone)
	if err != nil {
		return nil, err
	}
	all := servers(hosts)
	if len(all) == 0 {
		return nil, fmt.Errorf("the resolver %s finds no address of a name server of %s", r.server, bare(zone))
	}
	return all, nil
}

// records returns those of one type and owner.
func records[T dns.RR](section []dns.RR, owner string) []T {
	var all []T
	for _, rr := range section {
		if one, ok := rr.(T); ok && strings.EqualFold(rr.Header().Name, owner) {
			all = append(all, one)
		}
	}
	return all
}

func address(rr dns.RR) (netip.Addr, bool) {
	switch rr := rr.(type) {
	case *dns.A:
		addr, ok := netip.AddrFromSlice(rr.A)
		return addr.Unmap(), ok
	case *dns.AAAA:
		return netip.AddrFromSlice(rr.AAAA)
	}
	return netip.Addr{}, false
}
