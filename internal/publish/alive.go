package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// aliveRetry is how soon a full queue is tried again.
const aliveRetry = 50 * time.Millisecond

// Alive returns nil when the committer has taken a heartbeat and answered it, whatever
// the answer: that the store refuses it, since the disk is full for instance, is nothing
// that another process would do better. Where clients keep the queue full a heartbeat may
// never have a place there, or wait for long; so the end of any other batch meanwhile is
// as good. An error means that there was neither before ctx was done.
func (p *Pipeline) Alive(ctx context.Context) error {
	before := p.batches.Load()
	beat := &request{change: zone.Heartbeat{}, done: make(chan error, 1)}
	for err := p.queue.put(beat); err != nil; err = p.queue.put(beat) {
		if !errors.Is(err, zone.ErrBusy) {
			return err
		}
		select { // a committer that is at work makes room
		case <-ctx.Done():
			return fmt.Errorf("the committer takes no more changes: %w", err)
		case <-time.After(aliveRetry):
		}
		if p.batches.Load() != before {
			return nil
		}
	}
	select {
	case <-beat.done:
		return nil
	case <-ctx.Done():
		if p.batches.Load() != before {
			return nil
		}
		return errors.New("the committer has not answered a heartbeat in time: does a write to the disk not come back?")
	}
}

// Reached returns the serial that a publisher answers, and whether it answers one.
func (p *Pipeline) Reached(publisher string) (zone.Serial, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.runners {
		if r.publisher.Name() == publisher {
			return r.reached, r.ready && !r.gone
		}
	}
	return 0, false
}
