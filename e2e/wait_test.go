package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
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
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// freePorts returns loopback ports that are free for UDP and TCP, and that no other test
// gets before this one ends.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		at := nsdtest.Reserve(t, "127.0.0.1")
		nsdtest.Free(at)
		ports = append(ports, int(at.Port()))
	}
	return ports
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
