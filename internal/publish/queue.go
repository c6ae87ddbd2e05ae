package publish

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// request is a change on its way and who waits for it.
type request struct {
	change   zone.Change
	publish  bool       // wait for the publishers too
	deadline time.Time  // when the asker stops waiting; zero for never
	done     chan error // takes one answer without blocking
	then     *step      // what else has to be done when it is durable; nil: nothing

	// Under Pipeline.mu.
	committed bool        // set by the committer, as the next is
	serial    zone.Serial // what the publishers must reach
	abandoned bool        // nobody waits for its answer any more
}

func (r *request) answer(err error) { r.done <- err }

const (
	maxQueued = 8192 // beyond it requests are turned away at once
	maxBatch  = 1024 // bounds how long one transaction takes
)

// queue gathers requests while the committer is at work on the batch before: so
// batches form by themselves, and an idle service adds no delay.
type queue struct {
	wake chan struct{} // holds one token when there is something to take

	mu      sync.Mutex
	waiting []*request
	closed  bool
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

// put adds a request, or refuses it.
func (q *queue) put(r *request) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return fmt.Errorf("%w: the service is stopping", zone.ErrNotStored)
	}
	if len(q.waiting) >= maxQueued {
		return zone.ErrBusy
	}
	q.waiting = append(q.waiting, r)
	q.signal()
	return nil
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take waits for requests and returns those that have gathered. When ctx is done
// it refuses new ones, returns what is left, and nil at last.
func (q *queue) take(ctx context.Context) []*request {
	select {
	case <-q.wake:
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = ctx.Err() != nil
	batch := q.waiting
	if len(batch) > maxBatch {
		q.waiting = append([]*request(nil), batch[maxBatch:]...)
		q.signal()
		return batch[:maxBatch]
	}
	q.waiting = nil
	return batch
}
