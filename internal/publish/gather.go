package publish

import (
	"context"
	"time"
)

// gathering decides whether a round waits a moment before it begins. Clients that were
// answered together ask again together, a little apart: the first of them would have a
// round to itself, and all others wait for its end. So a round begins when as many wait
// as did when the last one ended, or a part of what that one took has passed. A client
// that is alone waits for nobody, and neither does anybody where rounds are quick.
//
// What isn't a channel is guarded by Pipeline.mu.
type gathering struct {
	wake  chan struct{} // holds one token when somebody has come
	count int           // who waited at the end of the last round
	limit time.Duration
	until time.Time // afterwards the last round says nothing about who comes
}

const (
	// waitPart is the part of a round that may be waited for the next one's company.
	waitPart = 2
	// leastWait is what isn't worth the waiting, mostWait what nobody should.
	leastWait = time.Millisecond
	mostWait  = 250 * time.Millisecond
)

func newGathering() gathering { return gathering{wake: make(chan struct{}, 1)} }

// ended notes how many waited at a round's end, answered or not, and how long it took;
// under Pipeline.mu.
func (g *gathering) ended(waiting int, took time.Duration) {
	g.count, g.limit, g.until = waiting, min(took/waitPart, mostWait), time.Now().Add(took)
}

// signal is called when requests have joined those that wait; under Pipeline.mu.
func (g *gathering) signal() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// gather waits for company.
func (r *runner) gather(ctx context.Context) {
	p := r.pipeline
	p.mu.Lock()
	limit, late := r.gathering.limit, time.Now().After(r.gathering.until)
	p.mu.Unlock()
	if r.follows || late || limit < leastWait {
		return
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for !p.gathered(r) {
		select {
		case <-r.gathering.wake:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (p *Pipeline) gathered(r *runner) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waitingFor(r) >= r.gathering.count
}

// waitingFor counts the requests that this publisher has yet to serve; under Pipeline.mu.
func (p *Pipeline) waitingFor(r *runner) (n int) {
	for req := range p.waiting {
		if !r.serves(req.serial) {
			n++
		}
	}
	return n
}
