package api

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/acmezone/acmezone/internal/zone"
)

// Proxies are those who are believed who is calling. The zero value believes nobody.
type Proxies struct {
	Networks []netip.Prefix
	Unix     bool // whoever connects to a unix socket
}

// What stands for a connection's other end where it isn't an address and port.
const (
	unixPeer    = "unix"    // a unix socket's
	unknownPeer = "unknown" // whom a proxy couldn't or wouldn't name
)

// trust reports whether a request comes straight from a proxy.
func (p Proxies) trust(r *http.Request) bool {
	return p.Unix && r.RemoteAddr == unixPeer || zone.Contains(p.Networks, peer(r))
}

// unnamed reports whether a request seems to come through a proxy although none is
// believed: from near by, since strangers could write the header only to have themselves
// named in the configuration.
func (p Proxies) unnamed(r *http.Request) bool {
	if p.Unix || len(p.Networks) > 0 || len(r.Header["X-Forwarded-For"]) == 0 {
		return false
	}
	addr := peer(r)
	return r.RemoteAddr == unixPeer || addr.IsLoopback() || addr.IsPrivate()
}

// peer returns the other end of the request's connection, as the PROXY protocol has it
// if that was spoken. It is invalid where there is no address.
func peer(r *http.Request) netip.Addr {
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return plain(remote.Addr())
}

func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

// client returns who is calling: the other end of the connection, unless that is a proxy.
// Then it is the last hop of X-Forwarded-For that isn't a proxy: each of them adds the
// one that it was called by, and what stands before may be anybody's invention. If all of
// them are proxies it is the first. A hop that can't be read, and whatever connects to a
// unix socket, is an invalid address, which no network contains.
func (p Proxies) client(r *http.Request) netip.Addr {
	addr := peer(r)
	if !p.trust(r) {
		return addr
	}
	lines := r.Header["X-Forwarded-For"]
	for i := len(lines) - 1; i >= 0; i-- {
		hops, hop, more := cutLast(lines[i])
		for ; ; hops, hop, more = cutLast(hops) {
			if addr = hopAddr(hop); !zone.Contains(p.Networks, addr) {
				return addr
			}
			if !more {
				break
			}
		}
	}
	return addr
}

// cutLast splits a list at its last comma; more says whether there was one.
func cutLast(list string) (before, last string, more bool) {
	i := strings.LastIndexByte(list, ',')
	if i < 0 {
		return "", list, false
	}
	return list[:i], list[i+1:], true
}

// hopAddr reads an entry of X-Forwarded-For: an address, also in brackets or with a
// port, as some proxies write it. Anything else is an invalid address.
func hopAddr(hop string) netip.Addr {
	hop = strings.Trim(hop, " \t")
	if addr, err := netip.ParseAddr(hop); err == nil {
		return plain(addr)
	}
	if addr, err := netip.ParseAddrPort(hop); err == nil {
		return plain(addr.Addr())
	}
	if inner, ok := strings.CutPrefix(hop, "["); ok {
		if inner, ok = strings.CutSuffix(inner, "]"); ok {
			if addr, err := netip.ParseAddr(inner); err == nil && addr.Is6() {
				return plain(addr)
			}
		}
	}
	return netip.Addr{}
}

// secure reports whether the client speaks TLS, with acmezone or with a proxy: that says
// so in X-Forwarded-Proto. One that says nothing stands, as a rule, for the API's own
// name in front of a plain acmezone.
func (p Proxies) secure(r *http.Request, hostname string) bool {
	if r.TLS != nil || !p.trust(r) {
		return r.TLS != nil
	}
	lines := r.Header["X-Forwarded-Proto"]
	if len(lines) == 0 {
		return strings.EqualFold(r.Host, hostname)
	}
	_, last, _ := cutLast(lines[len(lines)-1])
	return strings.EqualFold(strings.Trim(last, " \t"), "https")
}
