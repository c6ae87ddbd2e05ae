package dnsserve

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/dnsserve/dnstest"
)

const (
	slowConnections = 5000
	realQuestions   = 300 // of each real client
)

// tally is how a client fares.
type tally struct {
	answered int
	took     []time.Duration
}

func (t tally) String() string {
	slices.Sort(t.took)
	at := func(share float64) time.Duration { return t.took[int(share*float64(len(t.took)-1))] }
	return fmt.Sprintf("%d of %d answered, median %v, 99%% within %v", t.answered, realQuestions,
		at(0.5).Round(time.Microsecond), at(0.99).Round(time.Microsecond))
}

// asks puts questions one after the other, each over a connection of its own, as
// resolvers do.
func asks(s *Server, network, from string) tally {
	return asksCounting(s, network, from, new(atomic.Int64))
}

// asksCounting is asks for somebody who wants to know how many are answered meanwhile.
func asksCounting(s *Server, network, from string, answered *atomic.Int64) (t tally) {
	for range realQuestions {
		began := time.Now()
		if askOnce(s, network, from) == nil {
			t.answered++
			answered.Add(1)
		}
		t.took = append(t.took, time.Since(began))
	}
	return t
}

func askOnce(s *Server, network, from string) error {
	conn, err := dialFrom(s, network, from)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(dnstest.Timeout)); err != nil {
		return err
	}
	packet := join(head(0, 1), soaQuestion())
	if network == "tcp" {
		packet = append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)
	}
	if _, err := conn.Write(packet); err != nil {
		return err
	}
	_, err = io.ReadAtLeast(conn, make([]byte, 512), headerLength)
	return err
}

func dialFrom(s *Server, network, from string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: dnstest.Timeout, LocalAddr: &net.UDPAddr{IP: net.ParseIP(from)}}
	if network == "tcp" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	return dialer.Dial(network, s.Addrs()[0].String())
}

// slowly holds connections from one address, each with half a length sent and then
// nothing. It opens them at that pace, and then goes on to replace the oldest, until
// stop.
func slowly(s *Server, from string, pace time.Duration, opened *atomic.Int64, stop <-chan struct{}) {
	held := make([]net.Conn, slowConnections)
	defer func() {
		for _, conn := range held {
			hangUp(conn)
		}
	}()
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for i := 0; ; i = (i + 1) % len(held) {
		select {
		case <-tick.C:
		case <-stop:
			return
		}
		hangUp(held[i])
		held[i], _ = dialFrom(s, "tcp", from) // nil if the system's queue is full
		if held[i] != nil {
			_, _ = held[i].Write([]byte{0})
		}
		opened.Add(1)
	}
}

// hangUp closes a connection in a way that keeps no port for a minute after it.
func hangUp(conn net.Conn) {
	if conn != nil {
		_ = conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	}
}

// TestSlowConnections has thousands of slow connections hang on the server, and
// more come all the time, while real clients go on.
func TestSlowConnections(t *testing.T) {
	s := startLimited(t, Options{}, func(*Server) {})
	clients := []struct{ name, network, from string }{
		{"UDP, another address", "udp", "127.0.0.2"},
		{"TCP, another address", "tcp", "127.0.0.2"},
		{"TCP, the same address", "tcp", "127.0.0.1"},
	}
	for _, c := range clients {
		t.Logf("idle: %s: %v", c.name, asks(s, c.network, c.from))
	}
	var opened atomic.Int64
	stop := make(chan struct{})
	var attack sync.WaitGroup
	attack.Go(func() { slowly(s, "127.0.0.1", 400*time.Microsecond, &opened, stop) })
	defer attack.Wait()
	defer close(stop)
	await(t, func() bool { return opened.Load() >= slowConnections })
	for _, c := range clients {
		before, began := opened.Load(), time.Now()
		got := asks(s, c.network, c.from)
		rate := float64(opened.Load()-before) / time.Since(began).Seconds()
		t.Logf("%d slow ones, %.0f more a second: %s: %v", slowConnections, rate, c.name, got)
		if got.answered < realQuestions {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	t.Logf("%+v, %d goroutines", s.connections.Stats(), runtime.NumGoroutine())
}

// await polls until that is so.
func await(t *testing.T, so func() bool) {
	t.Helper()
	deadline := time.NewTimer(2 * dnstest.Timeout)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("waited for too long")
		}
	}
}
