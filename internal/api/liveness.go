package api

import (
	"context"
	"errors"
	"time"
)

const (
	// liveTime is how long the self-test may take.
	liveTime = 5 * time.Second
	// liveFor is how long its outcome holds: it writes to the disk, and anybody may ask.
	liveFor = time.Second
)

var errTesting = errors.New("the self-test has not ended in time")

// liveness is a self-test that many may ask for: one runs at a time, for all of them.
type liveness struct {
	test func(context.Context) error
	turn chan struct{} // holds one token: who has it may test, and use what follows
	at   time.Time     // when the last test ended
	err  error         // its outcome
}

func newLiveness(test func(context.Context) error) *liveness {
	return &liveness{test: test, turn: make(chan struct{}, 1)}
}

// ask returns the outcome of a test that is no older than a second. One that has begun
// goes on for the others when its asker has gone.
func (l *liveness) ask(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, 2*liveTime)
	defer cancel()
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-waiting.Done():
		return errTesting
	}
	if time.Since(l.at) < liveFor {
		return l.err
	}
	testing, cancel := context.WithTimeout(context.WithoutCancel(ctx), liveTime)
	defer cancel()
	l.err = l.test(testing)
	l.at = time.Now()
	return l.err
}
