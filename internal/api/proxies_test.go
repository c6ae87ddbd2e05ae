package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/acmezone/acmezone/internal/api"
)

// believes127001 is behind a proxy at 127.0.0.1, and nowhere else.
func believes127001(o *api.Options) {
	o.Proxies.Networks = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
}

// allowedOnly is an account that may be used from that network alone.
func (b *bed) allowedOnly(network string) credentials {
	b.t.Helper()
	return b.register(`{"allowfrom":["` + network + `"]}`)
}

// sendFrom sends bytes from an address of this machine and returns what comes back until
// the end, or until an answer is complete. An error is an empty answer.
func (b *bed) sendFrom(source, request string) string {
	b.t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}
	conn, err := dialer.Dial("tcp", b.addr)
	if err != nil {
		b.t.Fatal(err)
	}
	return exchange(b.t, conn, request)
}

func exchange(t *testing.T, conn net.Conn, request string) string {
	t.Helper()
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(enough)); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, request) // it may be cut off, which shows below
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return fmt.Sprintf("%d %s", response.StatusCode, body)
}

func updateText(c credentials, headers ...string) string {
	body := txt(c)
	return fmt.Sprintf("POST /update HTTP/1.1\r\nHost: x\r\nX-Api-User: %s\r\nX-Api-Key: %s\r\nContent-Length: %d\r\n%s\r\n%s",
		c.Username, c.Password, len(body), strings.Join(append(headers, ""), "\r\n"), body)
}

const (
	forbidden = `401 {"error": "forbidden"}`
	updated   = `200 {"txt": "`
)

func TestAllowListIsDecidedOnTheForwardedAddress(t *testing.T) {
	b := start(t, believes127001)
	c := b.allowedOnly("203.0.113.0/24")
	for _, x := range []struct{ source, header, want string }{
		{"127.0.0.1", "X-Forwarded-For: 203.0.113.9", updated},
		{"127.0.0.1", "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-For: 203.0.113.9", updated},
		{"127.0.0.1", "x-forwarded-for: 10.0.0.1,203.0.113.9:1234,127.0.0.1", updated},
		{"127.0.0.1", "X-Forwarded-For: 203.0.113.9, 10.0.0.1", forbidden},
		{"127.0.0.1", "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 10.0.0.1", forbidden},
		{"127.0.0.1", "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For:", forbidden},
		{"127.0.0.1", "X-Forwarded-For: 203.0.113.9, unknown", forbidden},
		{"127.0.0.1", "X-Real-IP: 203.0.113.9", forbidden},
		{"127.0.0.1", "Forwarded: for=203.0.113.9", forbidden},
		{"127.0.0.1", "X-Forwarded: 203.0.113.9", forbidden},
		{"127.0.0.2", "X-Forwarded-For: 203.0.113.9", forbidden},
		{"127.0.0.2", "X-Forwarded-For: 203.0.113.9, 127.0.0.1", forbidden},
	} {
		if got := b.sendFrom(x.source, updateText(c, x.header)); !strings.HasPrefix(got, x.want) {
			t.Errorf("from %s, %q: %s", x.source, x.header, got)
		}
	}
}

func TestAnUnnamedProxyIsSaidOnce(t *testing.T) {
	const word = "isn't in api.trusted_proxies"
	for _, x := range []struct {
		change func(*api.Options)
		header string
		times  int
	}{
		{nil, "X-Forwarded-For: 203.0.113.9", 1},
		{nil, "X-Real-IP: 203.0.113.9", 0}, // curl on this machine has neither
		{believes127001, "X-Forwarded-For: 203.0.113.9", 0},
	} {
		b := start(t, x.change)
		c := b.register("")
		for range 3 {
			b.sendFrom("127.0.0.1", updateText(c, x.header))
		}
		b.handler.Reconfigure(b.opts)
		b.sendFrom("127.0.0.1", updateText(c, x.header))
		if got := strings.Count(b.log.String(), word); got != x.times {
			t.Errorf("%q: said %d times, want %d", x.header, got, x.times)
		}
	}
}

func TestRegisterFromIsDecidedOnTheForwardedAddress(t *testing.T) {
	b := start(t, believes127001)
	for header, want := range map[string]string{
		"X-Forwarded-For: 127.0.0.9":          "201 ", // in register_from
		"X-Forwarded-For: 203.0.113.9":        "403 ",
		"X-Forwarded-For: 127.0.0.1, 8.8.8.8": "403 ",
		"X-Forwarded-For: unknown":            "403 ",
		"X-Forwarded-For: ":                   "403 ",
	} {
		request := "POST /register HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n" + header + "\r\n\r\n"
		if got := b.sendFrom("127.0.0.1", request); !strings.HasPrefix(got, want) {
			t.Errorf("%q: %s", header, got)
		}
	}
}

// header is a PROXY header of that version with a source of that address and port.
func header(t *testing.T, version byte, source string) string {
	t.Helper()
	addr := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(source))
	family := proxyproto.TCPv4
	to := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443}
	if addr.IP.To4() == nil {
		family, to.IP = proxyproto.TCPv6, net.ParseIP("2001:db8::1")
	}
	text, err := (&proxyproto.Header{
		Version: version, Command: proxyproto.PROXY, TransportProtocol: family, SourceAddr: addr, DestinationAddr: to,
	}).Format()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const signature2 = "\r\n\r\n\x00\r\nQUIT\n"

func TestProxyProtocol(t *testing.T) {
	b := start(t, believes127001)
	c := b.allowedOnly("203.0.113.0/24")
	c6 := b.allowedOnly("2001:db8:7::/48")
	own := b.allowedOnly("127.0.0.1")
	good1, good2 := header(t, 1, "203.0.113.9:55"), header(t, 2, "203.0.113.9:55")
	local2 := signature2 + "\x20\x00\x00\x00"
	for _, x := range []struct {
		what, source, text, want string
	}{
		{"version 1", "127.0.0.1", good1 + updateText(c), updated},
		{"version 2", "127.0.0.1", good2 + updateText(c), updated},
		{"version 1, IPv6", "127.0.0.1", header(t, 1, "[2001:db8:7::1]:9") + updateText(c6), updated},
		{"version 2, IPv6", "127.0.0.1", header(t, 2, "[2001:db8:7::1]:9") + updateText(c6), updated},
		{"version 2, with an extension", "127.0.0.1", signature2 + "\x21\x11\x00\x10\xcb\x00\x71\x09\xc0\x00\x02\x01\x00\x37\x01\xbb\x04\x00\x01\x00" + updateText(c), updated},
		{"another client", "127.0.0.1", header(t, 1, "198.51.100.7:55") + updateText(c), forbidden},
		{"from a stranger", "127.0.0.2", good1 + updateText(c), "400 "},
		{"version 2, from a stranger", "127.0.0.2", good2 + updateText(c), "400 "},
		{"none, from a proxy", "127.0.0.1", updateText(own), updated},
		{"the client's own X-Forwarded-For", "127.0.0.1", header(t, 1, "198.51.100.7:55") + updateText(c, "X-Forwarded-For: 203.0.113.9"), forbidden},
		{"two proxies", "127.0.0.1", header(t, 2, "127.0.0.1:55") + updateText(c, "X-Forwarded-For: 203.0.113.9"), updated},
		{"LOCAL", "127.0.0.1", local2 + updateText(own), updated},
		{"UNKNOWN", "127.0.0.1", "PROXY UNKNOWN\r\n" + updateText(own), forbidden},
		{"UNKNOWN, with an address", "127.0.0.1", "PROXY UNKNOWN 127.0.0.1 127.0.0.1 1 2\r\n" + updateText(own), forbidden},
		{"UNKNOWN, X-Forwarded-For", "127.0.0.1", "PROXY UNKNOWN\r\n" + updateText(c, "X-Forwarded-For: 203.0.113.9"), forbidden},
		{"a unix socket's", "127.0.0.1", signature2 + "\x21\x31\x00\xd8" + strings.Repeat("\x00", 216) + updateText(own), forbidden},
		{"version 2 without a family", "127.0.0.1", signature2 + "\x21\x00\x00\x00" + updateText(own), ""},
		{"junk", "127.0.0.1", "PROXY TCP4 203.0.113.9\r\n" + updateText(c), ""},
		{"no end", "127.0.0.1", "PROXY " + strings.Repeat("x", 300) + updateText(c), ""},
		{"a name for an address", "127.0.0.1", "PROXY TCP4 localhost 192.0.2.1 1 2\r\n" + updateText(own), ""},
		{"a method of that name", "127.0.0.1", "PROXY /health HTTP/1.1\r\nHost: x\r\n\r\n", ""},
		{"two headers", "127.0.0.1", header(t, 1, "198.51.100.7:55") + good1 + updateText(c), "400 "},
	} {
		got := b.sendFrom(x.source, x.text)
		if x.want == "" && got != "" || !strings.HasPrefix(got, x.want) {
			t.Errorf("%s: %q, want %q", x.what, got, x.want)
		}
	}
}

// TestSilentProxyHoldsUpNobody: a header is waited for by its connection alone.
func TestSilentProxyHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startTimeless(t, nil, believes127001)
		for range 10 {
			b.dial()
		}
		began := time.Now()
		b.want("health", b.ask("GET", "/health", ""), 200, "")
		if took := time.Since(began); took > 0 {
			t.Errorf("after %v", took)
		}
	})
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "api.sock")
	for _, trusted := range []bool{true, false} {
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		}
		b := startOn(t, l, &http.Transport{DialContext: dial}, func(o *api.Options) {
			o.Proxies.Unix, o.Registration = trusted, api.RegistrationOpen
		})
		b.addr = "socket"
		c, open := b.allowedOnly("203.0.113.0/24"), b.register("")
		everybody := b.register(`{"allowfrom":["0.0.0.0/0","::/0"]}`)
		b.wantUpdate("no allow list", open, 200)
		b.wantUpdate("nobody knows who it is", everybody, 401)
		for prefix, text := range map[string]string{
			"X-Forwarded-For": updateText(c, "X-Forwarded-For: 203.0.113.9"),
			"PROXY 1":         header(t, 1, "203.0.113.9:1") + updateText(c),
			"PROXY 2":         header(t, 2, "203.0.113.9:1") + updateText(c),
		} {
			conn, err := net.Dial("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			if got := exchange(t, conn, text); strings.HasPrefix(got, updated) != trusted {
				t.Errorf("%s, trusted %t: %q", prefix, trusted, got)
			}
		}
		b.stop()
	}
}

// TestServerURLOfAStoredAccount: what clients keep leads back through the proxy.
func TestServerURLOfAStoredAccount(t *testing.T) {
	b := start(t, func(o *api.Options) {
		believes127001(o)
		o.Hostname = "auth.test"
	})
	c := b.tenant("t", "a.test")
	b.mustStore(c.token, "a.test", c.credentials)
	for _, x := range []struct{ source, headers, want string }{
		{"127.0.0.1", "Host: api.test\r\nX-Forwarded-Proto: https", "https://api.test"},
		{"127.0.0.1", "Host: auth.test", "https://auth.test"},
		{"127.0.0.1", "Host: auth.test\r\nX-Forwarded-Proto: http", "http://auth.test"},
		{"127.0.0.2", "Host: auth.test\r\nX-Forwarded-Proto: https", "http://auth.test"},
	} {
		got := b.sendFrom(x.source, "GET /storage/a.test HTTP/1.1\r\n"+bearer(c.token)+"\r\n"+x.headers+"\r\n\r\n")
		if !strings.Contains(got, `"server_url":"`+x.want+`"`) {
			t.Errorf("%+v: %s", x, got)
		}
	}
}
