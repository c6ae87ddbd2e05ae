package limit

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// conn is a connection that says whether it was closed.
type conn struct {
	name   string
	closed *[]string
}

func (c conn) Close() error {
	*c.closed = append(*c.closed, c.name)
	return nil
}

// bench admits connections that are named by client and number.
type bench struct {
	*Connections
	closed  []string
	handles map[string]*Handle
}

func newBench(bounds Bounds) *bench {
	return &bench{Connections: NewConnections(bounds), handles: make(map[string]*Handle)}
}

func (b *bench) admit(from string, number int) bool {
	name := fmt.Sprintf("%s#%d", from, number)
	h, ok := b.Admit(conn{name, &b.closed}, netip.MustParseAddr(from))
	if ok {
		b.handles[name] = h
	}
	return ok
}

func (b *bench) mustClose(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(b.closed, want) {
		t.Errorf("closed %q, want %q", b.closed, want)
	}
	b.closed = nil
}

func TestClient(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.1": "192.0.2.1/32", "::ffff:192.0.2.1": "192.0.2.1/32",
		"2001:db8::1:2:3:4": "2001:db8::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := Client(netip.MustParseAddr(addr)); got.String() != want {
			t.Errorf("%s counts as %s, want %s", addr, got, want)
		}
	}
}

func TestPerClientTheLongestWaitedForGoes(t *testing.T) {
	b := newBench(Bounds{PerClient: 2})
	b.admit("192.0.2.1", 1)
	b.admit("192.0.2.1", 2)
	b.admit("192.0.2.2", 1)
	b.mustClose(t)
	b.admit("192.0.2.1", 3)
	b.mustClose(t, "192.0.2.1#1")
	b.handles["192.0.2.1#2"].Busy()
	b.handles["192.0.2.1#2"].Waiting()
	b.admit("192.0.2.1", 4)
	b.mustClose(t, "192.0.2.1#3")
	b.handles["192.0.2.1#2"].Busy()
	b.admit("192.0.2.1", 5)
	b.mustClose(t, "192.0.2.1#4")
}

func TestWhatIsWorkedOnStays(t *testing.T) {
	for name, bounds := range map[string]Bounds{"in all": {Total: 2}, "per client": {PerClient: 2}} {
		t.Run(name, func(t *testing.T) {
			b := newBench(bounds)
			for i := range 2 {
				b.admit("192.0.2.1", i)
				b.handles[fmt.Sprintf("192.0.2.1#%d", i)].Busy()
			}
			if b.admit("192.0.2.1", 2) {
				t.Error("let in though every place is being worked on")
			}
			b.mustClose(t)
			if got, want := b.Stats(), (ConnectionStats{Open: 2, Refused: 1}); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
}

func TestInAllTheClientWithMostGivesWay(t *testing.T) {
	b := newBench(Bounds{Total: 5})
	b.admit("192.0.2.1", 1)
	for i := range 4 {
		b.admit("2001:db8::1", i)
	}
	b.admit("192.0.2.2", 1)
	b.mustClose(t, "2001:db8::1#0")
	b.admit("192.0.2.3", 1)
	b.mustClose(t, "2001:db8::1#1")
	b.admit("192.0.2.4", 1)
	b.mustClose(t, "2001:db8::1#2")
	b.admit("192.0.2.5", 1)
	b.mustClose(t, "192.0.2.1#1")
}

func TestExemptConnectionsCountForThemselves(t *testing.T) {
	proxy := netip.MustParseAddr("127.0.0.1")
	b := newBench(Bounds{Total: 6, PerClient: 2, Exempt: func(a netip.Addr) bool { return a == proxy }})
	for i := range 4 {
		b.admit("127.0.0.1", i)
	}
	b.admit("192.0.2.1", 0)
	b.admit("192.0.2.1", 1)
	b.mustClose(t)
	b.admit("::ffff:127.0.0.1", 4)
	b.mustClose(t, "192.0.2.1#0")
}

func TestAnEvictedConnectionIsOver(t *testing.T) {
	b := newBench(Bounds{Total: 1})
	b.admit("192.0.2.1", 1)
	b.admit("192.0.2.1", 2)
	first, second := b.handles["192.0.2.1#1"], b.handles["192.0.2.1#2"]
	if first.Busy() || first.Waiting() || !second.Busy() || !second.Waiting() {
		t.Error("the first connection is over, the second isn't")
	}
	first.Release()
	first.Release()
	if got, want := b.Stats(), (ConnectionStats{Open: 1, Evicted: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	b.Close()
	b.mustClose(t, "192.0.2.1#1", "192.0.2.1#2")
	if b.admit("192.0.2.1", 3) {
		t.Error("let in after Close")
	}
	second.Release()
	b.Wait()
	if b.Open() != 0 || len(b.clients) != 0 {
		t.Error("something is left")
	}
}

// TestAgainstAModel holds the lists to what a search through everything finds.
func TestAgainstAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bounds := Bounds{Total: rapid.IntRange(1, 8).Draw(t, "total"), PerClient: rapid.IntRange(1, 4).Draw(t, "per client")}
		b, m := newBench(bounds), model{bounds: bounds}
		steps := rapid.SliceOfN(rapid.IntRange(0, 99), 1, 60).Draw(t, "steps")
		for number, step := range steps {
			from := fmt.Sprintf("192.0.2.%d", step%5)
			if step < 50 {
				m.admit(from, fmt.Sprintf("%s#%d", from, number))
				b.admit(from, number)
			} else if len(m.open) > 0 {
				chosen := m.open[step%len(m.open)].name
				m.do(step/10, chosen)
				act(step/10, b.handles[chosen])
			}
			if !slices.Equal(b.closed, m.closed) || b.Open() != len(m.open) || b.stats.Refused != m.refused {
				t.Fatalf("closed %q, the model %q; %d open, the model %d", b.closed, m.closed, b.Open(), len(m.open))
			}
		}
	})
}

func act(what int, h *Handle) {
	switch what {
	case 5, 6:
		h.Busy()
	case 7, 8:
		h.Waiting()
	default:
		h.Release()
	}
}

// model is the rule, without a thought to what it costs.
type model struct {
	bounds  Bounds
	clock   int
	open    []entry
	closed  []string
	refused uint64
}

type entry struct {
	from, name string
	waiting    int // since when; 0: worked on
	ranked     int // when its client's number of waiting ones last changed
}

func (m *model) count(from string, waiting bool) (n int) {
	for _, e := range m.open {
		if e.from == from && (!waiting || e.waiting > 0) {
			n++
		}
	}
	return n
}

// changed notes that a client's rank has.
func (m *model) changed(from string) {
	m.clock++
	for i := range m.open {
		if m.open[i].from == from {
			m.open[i].ranked = m.clock
		}
	}
}

func (m *model) admit(from, name string) {
	m.clock++
	m.open = append(m.open, entry{from: from, name: name, waiting: m.clock})
	m.changed(from)
	for {
		var victim entry
		switch {
		case m.count(from, false) > m.bounds.PerClient:
			victim = m.longest(from)
		case len(m.open) > m.bounds.Total:
			victim = m.longest(m.heaviest())
		default:
			return
		}
		m.remove(victim.name)
		if victim.name == name {
			m.refused++
			return
		}
		m.closed = append(m.closed, victim.name)
	}
}

func (m *model) longest(from string) (found entry) {
	for _, e := range m.open {
		if e.from == from && e.waiting > 0 && (found.waiting == 0 || e.waiting < found.waiting) {
			found = e
		}
	}
	return found
}

func (m *model) heaviest() string {
	var found entry
	for _, e := range m.open {
		n, most := m.count(e.from, true), m.count(found.from, true)
		if n > most || n == most && n > 0 && e.ranked < found.ranked {
			found = e
		}
	}
	return found.from
}

func (m *model) remove(name string) {
	i := slices.IndexFunc(m.open, func(e entry) bool { return e.name == name })
	e := m.open[i]
	m.open = slices.Delete(m.open, i, i+1)
	if e.waiting > 0 {
		m.changed(e.from)
	}
}

func (m *model) do(what int, name string) {
	i := slices.IndexFunc(m.open, func(e entry) bool { return e.name == name })
	e := &m.open[i]
	switch {
	case what > 8:
		m.remove(name)
	case what <= 6 && e.waiting > 0:
		e.waiting = 0
		m.changed(e.from)
	case what >= 7 && e.waiting == 0:
		m.clock++
		e.waiting = m.clock
		m.changed(e.from)
	}
}

type nothing struct{}

func (nothing) Close() error { return nil }

func TestManyAtOnce(t *testing.T) {
	c := NewConnections(Bounds{Total: 20, PerClient: 4})
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			from := netip.AddrFrom4([4]byte{192, 0, 2, byte(i % 6)})
			for range 500 {
				if h, ok := c.Admit(nothing{}, from); ok {
					_ = h.Busy() && h.Waiting()
					h.Release()
				}
			}
		})
	}
	all.Wait()
	c.Close()
	c.Wait()
	if c.Open() != 0 || len(c.clients) != 0 || c.ranking.top != 0 {
		t.Errorf("%+v", c.Stats())
	}
}

func BenchmarkAdmit(b *testing.B) {
	c := NewConnections(Bounds{Total: 1024, PerClient: 64})
	for i := 0; b.Loop(); i++ {
		h, _ := c.Admit(nothing{}, netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)}))
		h.Busy()
		h.Waiting()
	}
}

func TestLoweredBoundsTakeTheLongestWaitedFor(t *testing.T) {
	proxy := netip.MustParseAddr("127.0.0.1")
	b := newBench(Bounds{Total: 20, PerClient: 10, Exempt: func(a netip.Addr) bool { return a == proxy }})
	for i := range 4 {
		b.admit("192.0.2.1", i)
		b.admit("127.0.0.1", i)
	}
	b.handles["192.0.2.1#0"].Busy()
	b.Rebound(20, 2)
	b.mustClose(t, "192.0.2.1#1", "192.0.2.1#2")
	b.Rebound(3, 2)
	b.mustClose(t, "127.0.0.1#0", "127.0.0.1#1", "127.0.0.1#2") // each counts for itself
	b.Rebound(1, 1)
	b.mustClose(t, "192.0.2.1#3", "127.0.0.1#3")
	if got, want := b.Stats(), (ConnectionStats{Open: 1, Evicted: 7}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if b.admit("192.0.2.2", 0) || !b.handles["192.0.2.1#0"].Waiting() {
		t.Error("what is being worked on has lost its place")
	}
	b.closed = nil
	b.admit("192.0.2.2", 1)
	b.mustClose(t, "192.0.2.1#0")
}

func TestRaisedBounds(t *testing.T) {
	b := newBench(Bounds{Total: 1, PerClient: 1})
	b.admit("192.0.2.1", 0)
	b.Rebound(4, 2)
	b.admit("192.0.2.1", 1)
	b.admit("192.0.2.2", 0)
	if b.mustClose(t); !b.Crowded() {
		t.Error("three of four places are taken")
	}
	b.handles["192.0.2.2#0"].Release()
	if b.Crowded() {
		t.Error("two of four places are taken")
	}
	b.Rebound(0, 0)
	for i := range 9 {
		b.admit("192.0.2.3", i)
	}
	if b.mustClose(t); b.Crowded() {
		t.Error("without a bound")
	}
}

// TestReboundWhileOthersCome: the bounds are kept whoever is quicker.
func TestReboundWhileOthersCome(t *testing.T) {
	c := NewConnections(Bounds{Total: 100, PerClient: 50})
	var clients sync.WaitGroup
	for i := range 4 {
		from := netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})
		clients.Go(func() {
			for range 500 {
				if h, ok := c.Admit(nothing{}, from); ok && h.Busy() {
					h.Waiting()
				}
			}
		})
	}
	for n := range 100 {
		c.Rebound(1+n%30, 1+n%7)
	}
	clients.Wait()
	c.Rebound(3, 2)
	if n := c.Open(); n != 3 {
		t.Errorf("%d are open", n)
	}
}
