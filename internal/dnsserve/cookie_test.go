package dnsserve

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/dnsserve/dnstest"
)

func octets(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func secretCookies(t testing.TB, secret string) cookies {
	return cookiesOf([16]byte(octets(t, secret)))
}

// The examples of RFC 9018, appendix A. In the last one the server has taken up a
// second secret and accepts the first one's cookies, too, which this one doesn't.
func TestCookiesOfRFC9018(t *testing.T) {
	const first = "e5e973e5a6b2a43f48e7dc849e37bfcf"
	for _, c := range []struct {
		name, secret, from string
		at                 int64
		asked, want        string
		valid              bool
	}{
		{"A.1", first, "198.51.100.100", 1559731985, "2464c4abcf10c957", "2464c4abcf10c957010000005cf79f111f8130c3eee29480", false},
		{"A.2", first, "198.51.100.100", 1559734385, "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
			"2464c4abcf10c957010000005cf7a871d4a564a1442aca77", true},
		{"A.3", first, "203.0.113.203", 1559734700, "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
			"fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e", false},
		{"A.3, in time", first, "203.0.113.203", 0x5cf78f71, "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
			"fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", true},
		{"A.4, before", "dd3bdf9344b678b185a6f5cb60fca715", "2001:db8:220:1:59de:d0f4:8769:82b8", 0x5cf7c579,
			"22681ab97d52c298010000005cf7c57926556bd0934c72f8", "22681ab97d52c298010000005cf7c57926556bd0934c72f8", true},
		{"A.4", "445536bcd2513298075a5d379663c962", "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961,
			"22681ab97d52c298010000005cf7c57926556bd0934c72f8", "22681ab97d52c298010000005cf7c609a6bb79d16625507a", false},
	} {
		got, valid := secretCookies(t, c.secret).answer(octets(t, c.asked), netip.MustParseAddr(c.from), time.Unix(c.at, 0))
		if text := hex.EncodeToString(got[:]); text != c.want || valid != c.valid {
			t.Errorf("%s: %s, valid %v; want %s, %v", c.name, text, valid, c.want, c.valid)
		}
	}
}

func TestCookieTimes(t *testing.T) {
	c, from := newCookies(), netip.MustParseAddr("192.0.2.1")
	for _, made := range []int64{1_800_000_000, 1 << 32, 1<<32 - 60} { // also where 32 bits end
		given, _ := c.answer([]byte("8 octets"), from, time.Unix(made, 0))
		for _, step := range []struct {
			age          time.Duration
			valid, renew bool
		}{
			{0, true, false}, {30 * time.Minute, true, false}, {30*time.Minute + time.Second, true, true},
			{time.Hour, true, true}, {time.Hour + time.Second, false, true}, {100 * 24 * time.Hour, false, true},
			{-5 * time.Minute, true, false}, {-5*time.Minute - time.Second, false, true},
		} {
			got, valid := c.answer(given[:], from, time.Unix(made, 0).Add(step.age))
			if valid != step.valid || got != given != step.renew {
				t.Errorf("at the age of %v: valid %v, renewed %v", step.age, valid, got != given)
			}
		}
	}
}

func TestCookieIsOnesOwn(t *testing.T) {
	c, from, now := newCookies(), netip.MustParseAddr("192.0.2.1"), time.Unix(1_800_000_000, 0)
	given, _ := c.answer([]byte("8 octets"), from, now)
	if _, valid := c.answer(given[:], from.Next(), now); valid {
		t.Error("valid for another address")
	}
	if _, valid := newCookies().answer(given[:], from, now); valid {
		t.Error("valid for another process")
	}
	for i := range given {
		forged := given
		forged[i] ^= 1
		if got, valid := c.answer(forged[:], from, now); valid || !bytes.Equal(got[:clientCookie], forged[:clientCookie]) {
			t.Errorf("with another octet %d: valid %v, answered %x", i, valid, got)
		}
	}
	for _, length := range []int{8, 16, 23, 25, 40} {
		asked := append(given[:], make([]byte, 16)...)[:length]
		if got, valid := c.answer(asked, from, now); valid || got != given {
			t.Errorf("%d octets: valid %v, answered %x", length, valid, got)
		}
	}
}

// cookieQuestion asks with those octets in the COOKIE option, or for nothing but a
// cookie.
func cookieQuestion(t testing.TB, data []byte, question bool) []byte {
	q := dnstest.Query{Name: dnstest.Six, Type: "TXT", EDNS: true, HeaderOnly: !question,
		Options: []dns.EDNS0{&dns.EDNS0_LOCAL{Code: dns.EDNS0COOKIE, Data: data}}}
	return numbered(t, testID, q)
}

// Who asks for a cookie alone learns what the one that he has is worth (RFC 7873,
// 5.4).
func TestCookieWithoutQuestion(t *testing.T) {
	s := newResponder(t, dnstest.Definition(t), dnstest.Snapshot())
	via := transport{from: netip.MustParseAddr("192.0.2.1"), at: time.Unix(1_800_000_000, 0)}
	valid, _ := s.cookies.answer([]byte("8 octets"), via.from, via.at)
	for _, c := range []struct {
		name  string
		data  []byte
		rcode int
	}{
		{"client cookie", valid[:8], dns.RcodeSuccess}, {"valid", valid[:], dns.RcodeSuccess},
		{"invalid", append(valid[:23:23], 'x'), dns.RcodeBadCookie}, {"too short", valid[:7], dns.RcodeFormatError},
	} {
		got, o := s.respond(nil, cookieQuestion(t, c.data, false), via)
		var m dns.Msg
		if err := m.Unpack(got); err != nil || m.Rcode != c.rcode || len(m.Question)+len(m.Answer)+len(m.Ns) > 0 || m.Authoritative {
			t.Errorf("%s: %v, %v", c.name, &m, err)
		}
		if fits := bytes.HasSuffix(got, valid[:]); fits == (c.rcode == dns.RcodeFormatError) || o.rcode != c.rcode {
			t.Errorf("%s: %x, %v", c.name, got, o)
		}
	}
}

// A cookie's octets count: at any size that a client takes, with a cookie or
// without, an answer stays within it, and whole where it can.
func TestCookieAndSizes(t *testing.T) {
	spec := dnstest.Spec()
	spec.Records = append(spec.Records, "edge TXT "+strings.Repeat("x", 255)+" "+strings.Repeat("x", 146))
	s := newResponder(t, dnstest.Define(t, spec), dnstest.Snapshot())
	for size := uint16(500); size < 600; size++ {
		for _, data := range [][]byte{nil, make([]byte, 8), make([]byte, 24)} {
			q := dnstest.Query{Name: "edge", Type: "TXT", EDNS: true, Size: size}
			if data != nil {
				q.Options = []dns.EDNS0{&dns.EDNS0_LOCAL{Code: dns.EDNS0COOKIE, Data: data}}
			}
			got := sent(s.respond(nil, numbered(t, 1, q), transport{}))
			whole := sent(s.respond(nil, numbered(t, 1, q), transport{tcp: true}))
			bound := max(int(size), 512)
			if truncated := got[2]&(flagTC>>8) != 0; len(got) > bound || truncated != (len(whole) > bound) {
				t.Errorf("size %d, cookie of %d: %d octets, truncated %v, whole %d", size, len(data), len(got), truncated, len(whole))
			}
		}
	}
}

// dig is another's reading of the RFC: it says "good" of a cookie whose first part
// is its own.
func TestDigTakesTheCookie(t *testing.T) {
	addr := startCases(t)
	dig := func(cookie string) string {
		out, err := exec.Command("dig", "@"+addr.Addr().String(), "-p", strconv.Itoa(int(addr.Port())),
			"+norec", "+tries=1", "+cookie="+cookie, dnstest.Zone, "SOA").CombinedOutput()
		if err != nil {
			t.Fatalf("dig (apt-get install bind9-dnsutils): %v\n%s", err, out)
		}
		found := regexp.MustCompile(`; COOKIE: ([0-9a-f]{48}) \(good\)`).FindSubmatch(out)
		if found == nil || !strings.Contains(string(out), "status: NOERROR") {
			t.Fatalf("dig says:\n%s", out)
		}
		return string(found[1])
	}
	first := dig("0123456789abcdef")
	if again := dig(first); again != first {
		t.Errorf("%s was answered with %s", first, again)
	}
}
