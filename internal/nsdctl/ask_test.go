package nsdctl

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"
)

// lateContext ends some time after its deadline, as any context may on a busy machine.
type lateContext struct {
	context.Context
	deadline time.Time
}

func (c lateContext) Deadline() (time.Time, bool) { return c.deadline, true }

// TestEndOfPatienceIsNoSilence has a connection's deadline go off before the context
// that it was taken from ends: nothing is known of the server then, least of all that it
// gives no answer, for which it could be passed over.
func TestEndOfPatienceIsNoSilence(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, left := range []time.Duration{-time.Second, 20 * time.Millisecond} {
		late, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		ctx := lateContext{late, time.Now().Add(left)}
		_, err := asker{apex: apex + "."}.serial(ctx, silent.Addr().String())
		if Silent(err) || !errors.Is(err, context.DeadlineExceeded) || ctx.Err() == nil {
			t.Errorf("with %v left: %v", left, err)
		}
	}
}

// TestNothingIsLearntAfterTheEnd asks where NSD answers when the time is over: an address
// that nobody has asked must not be taken for the one.
func TestNothingIsLearntAfterTheEnd(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	p := &place{Settings: &Settings{Listeners: []string{"192.0.2.1:53", "192.0.2.2:53"}}}
	if got := p.answering(ended, asker{apex: apex + "."}); got != "192.0.2.1:53" || p.listener != "" {
		t.Errorf("%s, remembered %q", got, p.listener)
	}
}
