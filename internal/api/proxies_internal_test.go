package api

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

var testProxies = Proxies{Networks: []netip.Prefix{
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8:1::/48"), netip.MustParsePrefix("127.0.0.1/32"),
}}

func withUnix(p Proxies) Proxies {
	p.Unix = true
	return p
}

// TestWhoIsCalling goes through every shape of X-Forwarded-For; the lines of a header
// are separated by |. No want means an unknown client.
func TestWhoIsCalling(t *testing.T) {
	const proxy, none = "192.0.2.1:4711", "-"
	for _, c := range []struct{ remote, header, want string }{
		{"198.51.100.7:1", none, "198.51.100.7"},
		{"198.51.100.7:1", "203.0.113.9", "198.51.100.7"}, // no proxy: the header is anybody's
		{"[::ffff:198.51.100.7]:1", none, "198.51.100.7"},
		{"[fe80::1%eth0]:1", none, "fe80::1"},

		{proxy, none, "192.0.2.1"},
		{proxy, "203.0.113.9", "203.0.113.9"},
		{"[::ffff:192.0.2.1]:1", "203.0.113.9", "203.0.113.9"},
		{"[2001:db8:1::5]:1", "203.0.113.9", "203.0.113.9"},
		{proxy, "10.0.0.1, 203.0.113.9", "203.0.113.9"}, // what the client wrote itself
		{proxy, "10.0.0.1,203.0.113.9", "203.0.113.9"},
		{proxy, "10.0.0.1 ,\t203.0.113.9 ", "203.0.113.9"},
		{proxy, "10.0.0.1|203.0.113.9", "203.0.113.9"}, // in a line of its own
		{proxy, "203.0.113.9|192.0.2.7", "203.0.113.9"},
		{proxy, "10.0.0.1, 203.0.113.9, 192.0.2.7, 2001:db8:1::9", "203.0.113.9"},
		{proxy, "10.0.0.1, 203.0.113.9|192.0.2.7|192.0.2.8", "203.0.113.9"},
		{proxy, "192.0.2.5, 192.0.2.6", "192.0.2.5"}, // none but proxies
		{proxy, "junk, 203.0.113.9", "203.0.113.9"},  // to the left of what counts
		{proxy, "unknown, 203.0.113.9, 192.0.2.7", "203.0.113.9"},
		{proxy, "192.0.2.5, ::ffff:192.0.2.6", "192.0.2.5"},

		{proxy, "203.0.113.9:55", "203.0.113.9"},
		{proxy, "[2001:db8::7]:55", "2001:db8::7"},
		{proxy, "[2001:db8::7]", "2001:db8::7"},
		{proxy, "2001:db8::7", "2001:db8::7"},
		{proxy, "2001:DB8:0:0:0:0:0:7", "2001:db8::7"},
		{proxy, "::ffff:203.0.113.9", "203.0.113.9"},
		{proxy, "[::ffff:203.0.113.9]:80", "203.0.113.9"},
		{proxy, "fe80::1%eth0", "fe80::1"},
		{proxy, "[fe80::1%25eth0]:80", "fe80::1"},
		{proxy, "203.0.113.9, 192.0.2.7:8080", "203.0.113.9"},

		{proxy, "", ""},
		{proxy, "unknown", ""},
		{proxy, "_hidden", ""},
		{proxy, "203.0.113.9, ", ""},
		{proxy, "203.0.113.9,", ""},
		{proxy, ",", ""},
		{proxy, "203.0.113.9|", ""},
		{proxy, "203.0.113.9, unknown", ""},
		{proxy, "203.0.113.9, junk, 192.0.2.7", ""},
		{proxy, "203.0.113.9;192.0.2.7", ""},
		{proxy, "203.0.113.9 192.0.2.7", ""},
		{proxy, "203.0.113.256", ""},
		{proxy, "203.0.113", ""},
		{proxy, "0313.0.113.9", ""},
		{proxy, "203.0.113.9:", ""},
		{proxy, "203.0.113.9:65536", ""},
		{proxy, "203.0.113.9:http", ""},
		{proxy, "[203.0.113.9]", ""},
		{proxy, "[2001:db8::7", ""},
		{proxy, "2001:db8::7]", ""},
		{proxy, "\"203.0.113.9\"", ""},
		{proxy, "for=203.0.113.9", ""},
		{proxy, "203.0.113.9\x00", ""},
		{proxy, "２０３.0.113.9", ""},
		{proxy, strings.Repeat("192.0.2.7, ", 1000) + "203.0.113.9", "203.0.113.9"},
		{proxy, "10.0.0.1, " + strings.Repeat("192.0.2.7,", 1000) + "192.0.2.8", "10.0.0.1"},

		{unixPeer, none, ""},
		{unixPeer, "203.0.113.9", ""},
		{unknownPeer, "203.0.113.9", ""},
		{"", "203.0.113.9", ""},
	} {
		r := &http.Request{RemoteAddr: c.remote, Header: http.Header{
			"X-Real-Ip": {"10.9.9.9"}, "Forwarded": {"for=10.9.9.9"}, "Client-Ip": {"10.9.9.9"}, "Cf-Connecting-Ip": {"10.9.9.9"},
		}}
		if c.header != none {
			r.Header["X-Forwarded-For"] = strings.Split(c.header, "|")
		}
		got := testProxies.client(r)
		if want, _ := netip.ParseAddr(c.want); got != want {
			t.Errorf("%s, %.80q: %v, want %v", c.remote, c.header, got, want)
		}
	}
	unix := &http.Request{RemoteAddr: unixPeer, Header: http.Header{"X-Forwarded-For": {"203.0.113.9, 192.0.2.7"}}}
	if got := withUnix(testProxies).client(unix); got != netip.MustParseAddr("203.0.113.9") {
		t.Errorf("a trusted unix socket: %v", got)
	}
	if got := withUnix(testProxies).client(&http.Request{RemoteAddr: unixPeer}); got.IsValid() {
		t.Errorf("a trusted unix socket without a header: %v", got)
	}
	if got := withUnix(testProxies).client(&http.Request{RemoteAddr: unknownPeer, Header: unix.Header}); got.IsValid() {
		t.Errorf("a proxy that couldn't name its client: %v", got)
	}
}

func TestServerURLIsSecureBehindTLS(t *testing.T) {
	const proxy, stranger, none = "192.0.2.1:1", "198.51.100.7:1", "-"
	for _, c := range []struct {
		remote, proto, host string
		secure              bool
	}{
		{proxy, "https", "x", true}, {proxy, "HTTPS", "x", true}, {proxy, "http", "auth.test", false},
		{proxy, "http, https", "x", true}, {proxy, "https, http", "x", false}, {proxy, "", "auth.test", false},
		{proxy, none, "Auth.test", true}, {proxy, none, "127.0.0.1:8053", false},
		{stranger, "https", "auth.test", false}, {stranger, none, "auth.test", false}, {unixPeer, "https", "auth.test", false},
	} {
		r := &http.Request{RemoteAddr: c.remote, Host: c.host, Header: http.Header{}}
		if c.proto != none {
			r.Header.Set("X-Forwarded-Proto", c.proto)
		}
		if got := testProxies.secure(r, "auth.test"); got != c.secure {
			t.Errorf("%+v: %t", c, got)
		}
	}
	if !testProxies.secure(&http.Request{RemoteAddr: stranger, TLS: &tls.ConnectionState{}}, "") {
		t.Error("its own TLS isn't secure")
	}
}

// FuzzForwardedFor: nobody but the nearest untrusted hop decides, whatever stands to
// the left of it.
func FuzzForwardedFor(f *testing.F) {
	for _, s := range []string{"", "unknown", "10.0.0.1", "192.0.2.7, ", "[::1]:80", ",,,", "a\x00b", "127.0.0.1, 192.0.2.9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, left string) {
		for _, lines := range [][]string{{left + ", 203.0.113.9"}, {left, "203.0.113.9, 192.0.2.7"}, {left + ",203.0.113.9", "192.0.2.7"}} {
			r := &http.Request{RemoteAddr: "192.0.2.1:1", Header: http.Header{"X-Forwarded-For": lines}}
			if got := testProxies.client(r); got != netip.MustParseAddr("203.0.113.9") {
				t.Errorf("%q: %v", lines, got)
			}
		}
	})
}
