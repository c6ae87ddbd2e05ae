package publish

import (
	"context"
	"slices"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

const (
	// maxSweep is how often values that are due are dropped, all in one go, so
	// that expiry doesn't keep name servers reloading.
	maxSweep = time.Minute
	// expireAtOnce is how many owners' values are dropped in one transaction: updates
	// wait for its end.
	expireAtOnce = 5000
	// storeRetry is how often a store that failed is tried again.
	storeRetry = time.Second
)

// keep is the pipeline's housekeeping: it drops values that are due and, while
// the store fails, finds out when it is well again without waiting for a request.
func (p *Pipeline) keep(ctx context.Context) {
	sweep := time.NewTicker(p.sweepInterval())
	defer sweep.Stop()
	retry := time.NewTicker(storeRetry)
	defer retry.Stop()
	p.sweep(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-sweep.C:
			p.sweep(ctx)
		case <-p.rebound:
			sweep.Reset(p.sweepInterval())
			p.sweep(ctx)
		case <-retry.C:
			if p.storeError() != nil {
				p.submit(ctx, zone.Heartbeat{})
			}
		}
	}
}

// sweepInterval is a minute, or the lifetime where that is shorter.
func (p *Pipeline) sweepInterval() time.Duration {
	lifetime := p.lifetime()
	if lifetime <= 0 {
		return maxSweep
	}
	return min(maxSweep, max(lifetime, time.Second))
}

// sweep looks for values that are due in a snapshot, which holds up nobody.
func (p *Pipeline) sweep(ctx context.Context) {
	lifetime := p.lifetime()
	if lifetime <= 0 {
		return
	}
	before := p.opts.Now().Add(-lifetime)
	for owners := range slices.Chunk(p.Snapshot().Due(before.Unix()), expireAtOnce) {
		p.submit(ctx, zone.Expire{Before: before, Owners: owners})
	}
}

// submit commits a change of the pipeline's own. Its error is the store's, which
// the committer notes and logs.
func (p *Pipeline) submit(ctx context.Context, change zone.Change) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout())
	defer cancel()
	_ = p.Commit(ctx, change)
}

func (p *Pipeline) storeError() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.store.err
}
