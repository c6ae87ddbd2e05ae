package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"
)

// poll asks until check has no error any more; it gives up after the limit, or
// when stop is closed (nil: never).
func poll(limit time.Duration, stop <-chan struct{}, check func() error) error {
	deadline := time.After(limit)
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-stop:
			return errors.Join(errors.New("the process has ended"), err)
		case <-deadline:
			return fmt.Errorf("after %v: %w", limit, err)
		}
	}
}

// limited is a context for what could wait without end: with it a test fails by
// itself, and stops what it started, long before go test's own limit kills it.
func limited(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// handedOut has the ports that freePorts has returned, so that tests that run side
// by side never get the same one.
var handedOut sync.Map

// freePorts returns loopback ports that are free for UDP and TCP. They are below
// the range that outgoing connections take theirs from, so they stay free as a
// rule.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for tries := 0; len(ports) < n; tries++ {
		if tries == 1000 {
			t.Fatal("no free ports")
		}
		port := 10_000 + rand.IntN(22_000)
		if _, taken := handedOut.LoadOrStore(port, true); !taken && isFree(port) {
			ports = append(ports, port)
		}
	}
	return ports
}

func isFree(port int) bool {
	l, err := net.Listen("tcp", loopback(port))
	if err != nil {
		return false
	}
	defer func() { _ = l.Close() }()
	c, err := net.ListenPacket("udp", loopback(port))
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
