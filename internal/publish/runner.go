package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// Retries after a failed publication: soon at first, then at an interval that
// serves what was stored within ten seconds of the cause being gone.
const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 5 * time.Second
	// checkEvery is how often a publisher that can tell is asked whether it is still
	// answering what it published.
	checkEvery = 5 * time.Second
)

// runner drives one publisher: it takes the newest state, has it published, and
// whatever was committed meanwhile goes with the next round.
type runner struct {
	pipeline  *Pipeline
	publisher Publisher
	next      chan *zone.Snapshot // holds the newest state that is to be published
	followers []*runner           // are offered what this one has published
	follows   bool                // is offered nothing else
	gathering gathering
	stopCheck context.CancelFunc // ends a check that is under way; guarded by Pipeline.mu

	// Guarded by Pipeline.mu.
	ready    bool        // one round has succeeded
	gone     bool        // what was reached is not being answered any more
	reached  zone.Serial // is being answered, if ready
	err      error       // of the last round
	newSince time.Time   // the oldest commit since the round began; zero for none
	oldSince time.Time   // the oldest commit in the round; zero for none
}

func newRunner(p *Pipeline, publisher Publisher) *runner {
	return &runner{pipeline: p, publisher: publisher, next: make(chan *zone.Snapshot, 1), gathering: newGathering()}
}

// offer replaces what waits to be published. One goroutine offers at a time: before Run,
// and then under Pipeline.mu.
func (r *runner) offer(snap *zone.Snapshot) {
	if r.stopCheck != nil { // a check may take as long as a silent server
		r.stopCheck()
	}
	select {
	case <-r.next:
	default:
	}
	r.next <- snap
}

// behind notes that something was committed that is not served yet.
func (r *runner) behind(now time.Time) {
	if r.newSince.IsZero() {
		r.newSince = now
	}
}

// since returns when the oldest thing was committed that is not served yet.
func (r *runner) since() time.Time {
	if !r.oldSince.IsZero() {
		return r.oldSince
	}
	return r.newSince
}

func (r *runner) run(ctx context.Context) {
	check := time.NewTicker(checkEvery)
	defer check.Stop()
	var last *zone.Snapshot
	for {
		select {
		case <-ctx.Done():
			return
		case snap := <-r.next:
			r.gather(ctx)
			last = r.publish(ctx, snap)
		case <-check.C:
			if r.lost(ctx, last) {
				last = r.publish(ctx, last)
			}
		}
	}
}

// lost reports whether what was published is no longer being answered. Where something
// waits to be published it doesn't look.
func (r *runner) lost(ctx context.Context, last *zone.Snapshot) bool {
	checker, ok := r.publisher.(Checker)
	if !ok || last == nil {
		return false
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if !r.beginCheck(stop) {
		return false
	}
	err := checker.Check(ctx, last)
	r.endCheck()
	if err == nil || ctx.Err() != nil {
		return false
	}
	r.pipeline.opts.Log.Warn("what was published is not being answered any more: publishing it again", "publisher", r.publisher.Name(), "err", err)
	p := r.pipeline
	p.mu.Lock()
	defer p.mu.Unlock()
	r.gone = true
	r.behind(p.opts.Now())
	return true
}

// beginCheck has offer end a check from now on. False: something has been offered already,
// which must not wait for the check's end.
func (r *runner) beginCheck(stop context.CancelFunc) bool {
	r.pipeline.mu.Lock()
	defer r.pipeline.mu.Unlock()
	if len(r.next) > 0 {
		return false
	}
	r.stopCheck = stop
	return true
}

func (r *runner) endCheck() {
	r.pipeline.mu.Lock()
	defer r.pipeline.mu.Unlock()
	r.stopCheck = nil
}

// publish goes on until a state is published, which it returns, or ctx is done; before
// each try it takes a newer state if there is one.
func (r *runner) publish(ctx context.Context, snap *zone.Snapshot) *zone.Snapshot {
	for delay := firstRetry; ; delay = min(2*delay, lastRetry) {
		select {
		case snap = <-r.next:
		default:
		}
		began := r.begin()
		err := r.publisher.Publish(ctx, snap)
		if ctx.Err() == nil || err == nil {
			r.pipeline.opts.Observer.Published(r.publisher.Name(), time.Since(began), err)
		}
		if err == nil {
			r.succeeded(snap, time.Since(began))
			return snap
		}
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, zone.ErrOvertaken) {
			delay = firstRetry // what to publish instead is on its way
		} else {
			r.failed(err, delay)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(delay):
		}
	}
}

// begin moves what has been committed so far into the round.
func (r *runner) begin() time.Time {
	p := r.pipeline
	p.mu.Lock()
	defer p.mu.Unlock()
	r.oldSince, r.newSince = r.since(), time.Time{}
	return time.Now()
}

func (r *runner) succeeded(snap *zone.Snapshot, took time.Duration) {
	p, serial := r.pipeline, snap.Serial()
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.err != nil {
		p.opts.Log.Info("published again", "publisher", r.publisher.Name(), "serial", serial)
	}
	r.gathering.ended(p.waitingFor(r), took)
	first := !r.ready
	r.ready, r.gone, r.reached, r.err, r.oldSince = true, false, serial, nil, time.Time{}
	if r.newSince.IsZero() && !serial.Reached(p.committed.Serial()) {
		// More was committed before the round began than it could publish.
		r.newSince = p.opts.Now()
	}
	if first && p.allReady() {
		close(p.ready)
	}
	for _, f := range r.followers {
		f.offer(snap)
	}
	for req := range p.waiting {
		if p.served(req.serial) {
			p.release(req, nil)
		}
	}
}

// failed answers those whose deadline comes before the next try: their outcome is
// certain.
func (r *runner) failed(err error, delay time.Duration) {
	p := r.pipeline
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.err == nil || r.err.Error() != err.Error() {
		p.opts.Log.Error("not published, trying again", "publisher", r.publisher.Name(), "err", err)
	}
	r.err = err
	retry := time.Now().Add(delay)
	for req := range p.waiting {
		if !r.serves(req.serial) && !req.deadline.IsZero() && req.deadline.Before(retry) {
			p.release(req, fmt.Errorf("%w: %s: %w", zone.ErrNotPublished, r.publisher.Name(), err))
		}
	}
}

func (r *runner) serves(serial zone.Serial) bool {
	return r.ready && !r.gone && r.reached.Reached(serial)
}

// allReady reports whether every publisher has succeeded once; under Pipeline.mu.
func (p *Pipeline) allReady() bool {
	return !slices.ContainsFunc(p.runners, func(r *runner) bool { return !r.ready })
}

// served reports whether every publisher answers that serial; under Pipeline.mu.
func (p *Pipeline) served(serial zone.Serial) bool {
	for _, r := range p.runners {
		if !r.serves(serial) {
			return false
		}
	}
	return true
}

// release answers a waiting request; under Pipeline.mu.
func (p *Pipeline) release(r *request, err error) {
	delete(p.waiting, r)
	r.answer(err)
}

// answerRest answers who still waits when the pipeline has ended: what is durable
// will be published by the next start, what is still in the queue was never
// begun.
func (p *Pipeline) answerRest(ended context.Context) {
	for batch := p.queue.take(ended); len(batch) > 0; batch = p.queue.take(ended) {
		for _, r := range batch {
			r.answer(fmt.Errorf("%w: the service is stopping", zone.ErrNotStored))
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for r := range p.waiting {
		p.release(r, fmt.Errorf("%w: the service is stopping", zone.ErrNotPublished))
	}
}

// lateness says which publisher is late and why; under Pipeline.mu.
func (p *Pipeline) lateness() error {
	for _, r := range p.runners {
		if r.ready && r.reached.Reached(p.committed.Serial()) {
			continue
		}
		if r.err != nil {
			return fmt.Errorf("%s: %w", r.publisher.Name(), r.err)
		}
		return fmt.Errorf("%s is still at it", r.publisher.Name())
	}
	return errors.New("it took too long")
}
