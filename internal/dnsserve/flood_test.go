package dnsserve

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// mostQueued is how many questions of a flood wait for the server: the socket's buffer
// takes more, so that none is lost there, however late the server has its turn.
const mostQueued = 100

// flood asks from many addresses of 127.0.1.0/24 at once, every millisecond, and
// reads no answer, until stop. It returns how many questions that were. Others is how many
// questions of somebody else's were answered meanwhile.
func flood(t *testing.T, s *Server, perMillisecond int, others *atomic.Int64, stop <-chan struct{}) (asked int) {
	conns := make([]net.Conn, 32)
	for i := range conns {
		conn, err := dialFrom(s, "udp", fmt.Sprintf("127.0.1.%d", i+1))
		if err != nil {
			t.Error(err)
			return 0
		}
		defer conn.Close()
		conns[i] = conn
	}
	packet := join(head(0, 1), soaQuestion())
	before := judged(s)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-stop:
			return asked
		}
		read := judged(s) - before - int(others.Load())
		for range min(perMillisecond, max(0, mostQueued-asked+read)) {
			if _, err := conns[asked%len(conns)].Write(packet); err == nil {
				asked++
			}
		}
	}
}

// judged is how many questions over UDP the server has read so far.
func judged(s *Server) int {
	stats := s.Stats()
	n := stats.Slipped + stats.RateLimited
	for _, answered := range stats.UDP {
		n += answered
	}
	return int(n)
}

// A flood from one network gets its share, and a client of another network each of
// its answers.
func TestFloodLeavesOthersAlone(t *testing.T) {
	const perSecond = 1000
	s := startLimited(t, Options{RateLimit: RateLimit{PerSecond: perSecond, Slip: 2}}, func(*Server) {})
	t.Logf("idle: %v", asks(s, "udp", "127.0.9.1"))
	stop := make(chan struct{})
	var asked int
	var answered atomic.Int64
	var flooding sync.WaitGroup
	began := time.Now()
	flooding.Go(func() { asked = flood(t, s, 20, &answered, stop) })
	await(t, func() bool { return s.Stats().Slipped > 100 })
	got := asksCounting(s, "udp", "127.0.9.1", &answered)
	close(stop)
	flooding.Wait()
	stats, took := s.Stats(), time.Since(began)
	t.Logf("%.0f questions a second from another network: %v", float64(asked)/took.Seconds(), got)
	flooded := float64(stats.UDP[0]) - 2*realQuestions
	if share := perSecond * (1 + took.Seconds()); got.answered < realQuestions || flooded > share*1.05 {
		t.Errorf("the client: %v; the flood: %.0f of %d in %v, its share is %.0f", got, flooded, asked, took, share)
	}
	if stats.Slipped == 0 || stats.RateLimited == 0 {
		t.Errorf("%+v", stats)
	}
}
