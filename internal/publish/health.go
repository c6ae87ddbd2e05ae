package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

const (
	// provenFor is how long a successful write proves that the store takes writes.
	provenFor = 5 * time.Second
	// probeWait is how long a health question waits for a write of its own.
	probeWait = 3 * time.Second
)

// Health returns nil while the store takes writes, everything that was stored at
// the start has been published, and nothing committed stays unserved for longer
// than the timeout; else the reason in an operator's words. Where no write has
// succeeded lately it writes a heartbeat, so that a full disk is seen before a
// client meets it; a service that nobody asks writes nothing.
func (p *Pipeline) Health(ctx context.Context) error {
	stale, err := p.state()
	if err != nil || !stale {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, probeWait)
	defer cancel()
	if err := p.probe(ctx); err != nil {
		return err
	}
	_, err = p.state()
	return err
}

// Fault is Health without a write of its own: what is known of the store may be old.
func (p *Pipeline) Fault() error {
	_, err := p.state()
	return err
}

// Degraded says what the publishers do without although all is well otherwise: name
// servers that give no answer and are passed over.
func (p *Pipeline) Degraded() []string {
	var all []string
	for _, r := range p.runners {
		if d, ok := r.publisher.(Degraded); ok {
			all = append(all, d.Degraded()...)
		}
	}
	return all
}

// probe has one heartbeat written for all who ask at the time.
func (p *Pipeline) probe(ctx context.Context) error {
	select {
	case p.probing <- struct{}{}:
		defer func() { <-p.probing }()
	case <-ctx.Done():
		return fmt.Errorf("the database has not answered for %v", probeWait)
	}
	if stale, err := p.state(); err != nil || !stale {
		return err
	}
	return p.Commit(ctx, zone.Heartbeat{})
}

// state returns what is known without asking the store, and whether that is too
// old to rely on.
func (p *Pipeline) state() (stale bool, err error) {
	now := p.opts.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.store.err; err != nil {
		return false, err
	}
	if since := p.store.busySince; !since.IsZero() && now.Sub(since) > p.timeout() {
		return false, fmt.Errorf("the database has been writing for %v: is the disk stuck?", now.Sub(since).Round(time.Second))
	}
	for _, r := range p.runners {
		if err := r.fault(now, p.timeout()); err != nil {
			return false, err
		}
	}
	return now.Sub(p.store.lastWrite) > provenFor, nil
}

// fault says what is wrong with a publisher, if anything; under Pipeline.mu.
func (r *runner) fault(now time.Time, timeout time.Duration) error {
	name, reason := r.publisher.Name(), r.err
	if reason == nil {
		reason = errors.New("it is still at it")
	}
	if !r.ready {
		return fmt.Errorf("%s: nothing is published yet: %w", name, reason)
	}
	if since := r.since(); !since.IsZero() && now.Sub(since) > timeout {
		return fmt.Errorf("%s: not published for %v: %w", name, now.Sub(since).Round(time.Second), reason)
	}
	return nil
}
