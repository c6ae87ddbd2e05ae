package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// storeState is what is known of the store's health; guarded by Pipeline.mu.
type storeState struct {
	err       error     // of the last commit, if the store itself failed
	lastWrite time.Time // when a commit last succeeded
	busySince time.Time // when the commit under way began; zero for none
}

// commitLoop is the one goroutine that commits. It ends when ctx is done and the
// queue is empty, or when the store can never commit again.
func (p *Pipeline) commitLoop(ctx context.Context) error {
	for {
		batch := p.queue.take(ctx)
		if len(batch) == 0 && ctx.Err() != nil {
			return nil
		}
		if len(batch) == 0 {
			continue
		}
		if err := p.commit(batch); err != nil {
			return err
		}
	}
}

// commit makes a batch durable, passes the result on to the publishers and
// answers those who need no more than that.
func (p *Pipeline) commit(batch []*request) error {
	changes := make([]zone.Change, len(batch))
	for i, r := range batch {
		changes[i] = r.change
	}
	p.setBusy(p.opts.Now())
	began := time.Now()
	snap, errs := p.opts.Store.Commit(changes)
	p.opts.Observer.Committed(changes, errs, time.Since(began))
	p.noteStore(firstStoreError(errs))
	takeSteps(batch, errs, snap)
	p.hand(snap, batch, errs)
	p.batches.Add(1)
	for _, err := range errs {
		if errors.Is(err, zone.ErrForked) {
			return err
		}
	}
	return nil
}

// takeSteps does what belongs to changes that are durable now.
func takeSteps(batch []*request, errs []error, durable *zone.Snapshot) {
	for i, r := range batch {
		if r.then != nil && errs[i] == nil {
			r.then.take(durable)
		}
	}
}

// firstStoreError picks the error that concerns the store, not one change.
func firstStoreError(errs []error) error {
	for _, err := range errs {
		if errors.Is(err, zone.ErrNotStored) || errors.Is(err, zone.ErrForked) {
			return err
		}
	}
	return nil
}

func (p *Pipeline) setBusy(since time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.store.busySince = since
}

func (p *Pipeline) noteStore(err error) {
	p.mu.Lock()
	before := p.store.err
	p.store.err = err
	p.store.busySince = time.Time{}
	if err == nil {
		p.store.lastWrite = p.opts.Now()
	}
	p.mu.Unlock()
	switch {
	case err != nil && before == nil:
		p.opts.Log.Error("the store takes no writes", "err", err)
	case err == nil && before != nil:
		p.opts.Log.Info("the store takes writes again")
	}
}

// hand offers a new state to the runners, then answers or parks each request. The
// order matters: a request that is parked finds its serial on the way already.
func (p *Pipeline) hand(snap *zone.Snapshot, batch []*request, errs []error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if snap.Serial() != p.committed.Serial() {
		for _, r := range p.runners {
			r.behind(p.opts.Now())
			if !r.follows {
				r.offer(snap)
			}
		}
	}
	p.committed = snap
	for i, r := range batch {
		r.committed = errs[i] == nil
		if errs[i] != nil || !r.publish {
			r.answer(errs[i])
			continue
		}
		r.serial = serialOf(snap, r.change)
		switch {
		case p.served(r.serial):
			r.answer(nil)
		case !r.abandoned:
			p.waiting[r] = struct{}{}
		}
	}
	for _, r := range p.runners {
		r.gathering.signal()
	}
}

// serialOf returns the serial that shows a change: the one with which the owner's
// RRset last moved, so that a repeated value waits for nobody else's.
func serialOf(snap *zone.Snapshot, change zone.Change) zone.Serial {
	if set, ok := change.(zone.SetValue); ok {
		if rrset, _ := snap.Lookup(set.Owner); rrset != nil {
			return rrset.Serial
		}
	}
	return snap.Serial()
}

// abandon is called when a wait is over. An answer that came just then is taken.
func (p *Pipeline) abandon(r *request) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	r.abandoned = true
	delete(p.waiting, r)
	select {
	case err := <-r.done:
		return err
	default:
	}
	if r.committed {
		return fmt.Errorf("%w: %w", zone.ErrNotPublished, p.lateness())
	}
	return fmt.Errorf("%w: the database has not answered in time", zone.ErrNotStored)
}
