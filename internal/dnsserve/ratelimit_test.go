package dnsserve

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/dnsserve/dnstest"
)

// clock is the limiter's time of a test.
type clock struct {
	*rateLimiter
	now time.Time
}

func newClock(limit RateLimit) *clock {
	l := newRateLimiter(limit)
	return &clock{l, l.begun}
}

// passes asks n times at once and returns how many answers go out.
func (c *clock) passes(from string, of class, n int) (passed int) {
	for range n {
		if c.judge(netip.MustParseAddr(from), of, c.now) == answered {
			passed++
		}
	}
	return passed
}

func TestRateLimit(t *testing.T) {
	for _, rate := range []int{1, 5, 200, 20_000} {
		c := newClock(RateLimit{PerSecond: rate})
		for _, step := range []struct {
			after time.Duration
			share float64 // of a second's answers
		}{{0, 1}, {0, 0}, {time.Second / 2, 0.5}, {time.Second, 1}, {time.Hour, 1}, {24 * time.Hour, 1}, {0, 0}} {
			c.now = c.now.Add(step.after)
			got, want := c.passes("192.0.2.1", positive, 2*rate), int(step.share*float64(rate))
			if got < want || float64(got) > float64(want)*1.05+1e-9 {
				t.Errorf("%d a second: %d answers %v later, want %d", rate, got, step.after, want)
			}
		}
	}
}

func TestNetworksAndClassesCountForThemselves(t *testing.T) {
	c := newClock(RateLimit{PerSecond: 10})
	for _, step := range []struct {
		from string
		of   class
		want int
	}{
		{"192.0.2.1", failure, 10}, {"192.0.2.1", positive, 10}, {"192.0.2.1", negative, 10},
		{"192.0.2.254", positive, 0}, {"192.0.3.1", positive, 10},
		{"2001:db8:0:ff::1", positive, 10}, {"2001:db8:0:1::2", positive, 0}, {"2001:db8:0:100::1", positive, 10},
	} {
		if got := c.passes(step.from, step.of, 20); got != step.want {
			t.Errorf("%s, class %d: %d answers, want %d", step.from, step.of, got, step.want)
		}
	}
}

func TestRateLimitOffAndExempt(t *testing.T) {
	if newRateLimiter(RateLimit{}).judge(netip.Addr{}, positive, time.Time{}) != answered {
		t.Error("a limit of 0 limits")
	}
	c := newClock(RateLimit{PerSecond: 1, Exempt: []netip.Prefix{
		netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("fe80::/10"),
	}})
	for from, want := range map[string]int{"127.1.2.3": 10, "::1": 10, "fe80::1%eth0": 10, "128.0.0.1": 1} {
		if got := c.passes(from, positive, 10); got != want {
			t.Errorf("%s: %d answers, want %d", from, got, want)
		}
	}
}

func TestSlip(t *testing.T) {
	for slip, want := range map[int][2]int{0: {0, 0}, 1: {10_000, 10_000}, 2: {4500, 5500}, 10: {800, 1200}} {
		c := newClock(RateLimit{PerSecond: 1, Slip: slip})
		fates := make(map[fate]int)
		for range 10_001 {
			fates[c.judge(netip.MustParseAddr("192.0.2.1"), positive, c.now)]++
		}
		if n := fates[slipped]; n < want[0] || n > want[1] || fates[answered] != 1 {
			t.Errorf("slip %d: %v", slip, fates)
		}
	}
}

// However many networks there are, none of them gets less than its share, and one
// that floods among them hardly more.
func TestAFullTableErrsTowardsAnswering(t *testing.T) {
	c := newClock(RateLimit{PerSecond: 10})
	flood := netip.MustParseAddr("2001:db8::1")
	var flooded int
	for i := range 2 * accountLines * lineAccounts {
		other := netip.AddrFrom4([4]byte{byte(i >> 16), byte(i >> 8), byte(i), 1})
		if c.judge(other, positive, c.now) != answered {
			t.Fatalf("%s has asked once and gets nothing", other)
		}
		if i%16 == 0 && c.judge(flood, positive, c.now) == answered {
			flooded++
		}
	}
	if flooded > 20 {
		t.Errorf("the flood has got %d answers, its share is 10", flooded)
	}
}

// TestAnotherLimit: other exceptions leave what was used as it is, another rate begins anew.
func TestAnotherLimit(t *testing.T) {
	c := newClock(RateLimit{PerSecond: 10})
	c.passes("192.0.2.1", positive, 8)
	for _, step := range []struct {
		limit RateLimit
		want  int
	}{
		{RateLimit{PerSecond: 10, Slip: 2}, 2},
		{RateLimit{PerSecond: 10, Exempt: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}, 50},
		{RateLimit{PerSecond: 10}, 0},
		{RateLimit{PerSecond: 20}, 20},
		{RateLimit{}, 50},
		{RateLimit{PerSecond: 5}, 5},
	} {
		if c.rateLimiter = c.next(step.limit); c.rateLimiter != nil && c.now.Before(c.begun) {
			c.now = c.begun
		}
		if got := c.passes("192.0.2.1", positive, 50); got != step.want {
			t.Errorf("%+v: %d answers, want %d", step.limit, got, step.want)
		}
	}
}

// TestAnotherLimitWhileAnswering drops no answer, and is in force when it returns.
func TestAnotherLimitWhileAnswering(t *testing.T) {
	s := startLimited(t, Options{}, func(*Server) {})
	conn, packet := dial(t, s, "udp"), numbered(t, 1, dnstest.Query{Name: "@", Type: "SOA"})
	var changing sync.WaitGroup
	changing.Go(func() {
		for n := range 50 {
			s.SetRateLimit(RateLimit{PerSecond: 1_000_000 - n%2, Slip: 1})
		}
	})
	for range 1000 {
		conn.send(t, packet)
		conn.receive(t)
	}
	changing.Wait()
	s.SetRateLimit(RateLimit{PerSecond: 1, Slip: 1})
	await(t, func() bool { // two questions within a second
		conn.send(t, packet)
		conn.receive(t)
		return s.Stats().Slipped > 0
	})
}

func TestRateLimitFromManyReaders(t *testing.T) {
	c := newClock(RateLimit{PerSecond: 1000})
	passed := make([]int, 4)
	var readers sync.WaitGroup
	for i := range passed {
		readers.Go(func() { passed[i] = c.passes("192.0.2.1", positive, 1000) })
	}
	readers.Wait()
	// Giving up a race lets an answer pass, which is rare.
	if all := passed[0] + passed[1] + passed[2] + passed[3]; all < 1000 || all > 1100 {
		t.Errorf("%d answers, want 1000", all)
	}
}

// TestQuestionsCountedOutOfOrder: of two goroutines, the one that read later may count
// first. What the network has used is used for the other one too, and an account that
// others have used up isn't taken for a free one.
func TestQuestionsCountedOutOfOrder(t *testing.T) {
	a := newAccounts(200)
	a.lines = a.lines[:1]
	const late = time.Hour
	take := func(tag uint64, at time.Duration) (n int) {
		for n < 1000 && a.take(tag<<timeBits, at) {
			n++
		}
		return n
	}
	for tag := range uint64(lineAccounts) {
		if n := take(tag+1, late); n != 200 {
			t.Fatalf("%d answers at first", n)
		}
	}
	for _, earlier := range []time.Duration{0, time.Microsecond, 10 * time.Millisecond} {
		for tag := range uint64(lineAccounts) {
			if n := take(tag+1, late-earlier); n > 0 {
				t.Errorf("%d more %v earlier", n, earlier)
			}
		}
	}
}

// limitedResponder has one answer a second and cuts every further one short.
func limitedResponder(t testing.TB) (*responder, transport) {
	s := newResponder(t, dnstest.Definition(t), dnstest.Snapshot())
	l := newRateLimiter(RateLimit{PerSecond: 1, Slip: 1})
	s.limiter.Store(l)
	return s, transport{from: netip.MustParseAddr("192.0.2.1"), at: l.begun}
}

func TestASlippedAnswerIsEmptyAndSmall(t *testing.T) {
	s, via := limitedResponder(t)
	cookie := func(octets int) []dns.EDNS0 {
		return []dns.EDNS0{&dns.EDNS0_LOCAL{Code: dns.EDNS0COOKIE, Data: make([]byte, octets)}}
	}
	for i, q := range []dnstest.Query{
		{Name: dnstest.Six, Type: "TXT"}, {Name: dnstest.Six, Type: "TXT", EDNS: true, DO: true, Flags: dnstest.RD},
		{Name: "nobody", Type: "TXT", EDNS: true, Options: cookie(8)}, {Name: "nobody", Type: "A", EDNS: true, Options: cookie(24)},
		{Name: "a.test.", Type: "A", EDNS: true}, {Name: "a.test.", Type: "A", EDNS: true, Options: cookie(40)},
	} {
		packet := numbered(t, testID, q)
		s.respond(nil, packet, via)
		got, o := s.respond(nil, packet, via)
		var m dns.Msg
		if err := m.Unpack(got); err != nil || o.fate != slipped || len(got) > len(packet) {
			t.Fatalf("%d: %d octets for %d, %v, %v", i, len(got), len(packet), o, err)
		}
		if !m.Truncated || m.Rcode != dns.RcodeSuccess || m.Authoritative || m.RecursionDesired != (q.Flags != 0) ||
			len(m.Question) != 1 || len(m.Answer)+len(m.Ns) > 0 || (m.IsEdns0() != nil) != q.EDNS {
			t.Errorf("%d: %v", i, &m)
		}
	}
}

// What can't be told to come back over TCP gets nothing.
func TestErrorsOfFormAreDropped(t *testing.T) {
	s, via := limitedResponder(t)
	for _, packet := range [][]byte{head(0, 1), head(4<<11, 1), join(head(0, 1), soaQuestion(), []byte{0})} {
		s.respond(nil, packet, via)
		if got, o := s.respond(nil, packet, via); len(got) > 0 || o.fate != limited {
			t.Errorf("%x is answered with %x, %v", packet, got, o)
		}
	}
}

func TestCookieAndTCPAreExempt(t *testing.T) {
	s, via := limitedResponder(t)
	valid, _ := s.cookies.answer([]byte("8 octets"), via.from, via.at)
	proven, unproven := cookieQuestion(t, valid[:], true), cookieQuestion(t, valid[:8], true)
	for range 3 {
		if _, o := s.respond(nil, proven, via); o.fate != answered || !o.verified {
			t.Errorf("with a valid cookie: %v", o)
		}
	}
	s.respond(nil, unproven, via)
	if _, o := s.respond(nil, unproven, via); o.fate != slipped || o.verified {
		t.Errorf("with a client cookie alone: %v", o)
	}
	via.tcp = true
	if _, o := s.respond(nil, unproven, via); o.fate != answered {
		t.Errorf("over TCP: %v", o)
	}
}

// A flood of questions for which there are errors takes nothing from the others.
func TestFloodOfRefusedQuestions(t *testing.T) {
	s, via := limitedResponder(t)
	refused := numbered(t, 1, dnstest.Query{Name: "a.test.", Type: "A"})
	for range 100 {
		s.respond(nil, refused, via)
	}
	for name, q := range map[string]dnstest.Query{"data": {Name: "@", Type: "SOA"}, "no data": {Name: "www2", Type: "TXT"}} {
		if _, o := s.respond(nil, numbered(t, 1, q), via); o.fate != answered {
			t.Errorf("%s: %v", name, o)
		}
	}
}

func TestStats(t *testing.T) {
	s := startLimited(t, Options{RateLimit: RateLimit{PerSecond: 1, Slip: 1}}, func(s *Server) {
		table := &s.limiter.Load().table
		table.cost, table.depth = 3600*second, 3600*second // however slow the machine is
	})
	udp, tcp := dial(t, s, "udp"), dial(t, s, "tcp")
	soa := numbered(t, 1, dnstest.Query{Name: "@", Type: "SOA", EDNS: true, Version: 1})
	tcp.send(t, head(flagQR), soa)
	tcp.receive(t)
	nothing := numbered(t, 1, dnstest.Query{Name: "x.www2", Type: "A"})
	for range 2 {
		udp.send(t, head(flagQR), nothing)
		udp.receive(t)
	}
	valid, _ := s.cookies.answer([]byte("8 octets"), netip.MustParseAddr("127.0.0.1"), time.Now())
	udp.send(t, cookieQuestion(t, valid[:], true))
	udp.receive(t)
	want := Stats{Dropped: 3, Slipped: 1, CookiesValid: 1}
	want.TCP[dns.RcodeBadVers], want.UDP[dns.RcodeNameError], want.UDP[dns.RcodeSuccess] = 1, 1, 1
	want.Connections.Open = 1
	if got := s.Stats(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestRcodeName(t *testing.T) {
	for rcode, want := range map[int]string{0: "NOERROR", 3: "NXDOMAIN", 16: "BADVERS", 23: "BADCOOKIE"} {
		if got := RcodeName(rcode); got != want {
			t.Errorf("%d is %s, want %s", rcode, got, want)
		}
	}
}

func BenchmarkRateLimit(b *testing.B) {
	addrs := make([]netip.Addr, 1<<16)
	for i := range addrs {
		addrs[i] = netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1})
	}
	for _, networks := range []int{1, 1 << 16} {
		b.Run(fmt.Sprintf("networks=%d", networks), func(b *testing.B) {
			l := newRateLimiter(RateLimit{PerSecond: 200, Slip: 2, Exempt: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}})
			for i := 0; b.Loop(); i++ {
				l.judge(addrs[i%networks], positive, l.begun.Add(time.Duration(i)*1000))
			}
		})
	}
}

func BenchmarkCookie(b *testing.B) {
	c, from, now := newCookies(), netip.MustParseAddr("192.0.2.1"), time.Now()
	given, _ := c.answer([]byte("8 octets"), from, now)
	b.Run("valid", func(b *testing.B) {
		for b.Loop() {
			c.answer(given[:], from, now)
		}
	})
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			c.answer(given[:8], from, now)
		}
	})
}
