package dnsserve

import (
	"context"
	"log/slog"
	"time"
)

const (
	firstPause = 5 * time.Millisecond
	maxPause   = time.Second
)

// backoff spaces out attempts that fail one after another, for want of file
// descriptors for instance: trying again at once would only burn the processor.
// The zero value is ready. One goroutine owns it.
type backoff struct{ pause time.Duration }

// wait logs the first failure of a row and waits, longer each time; false if ctx
// was done meanwhile.
func (b *backoff) wait(ctx context.Context, log *slog.Logger, doing string, err error) bool {
	if b.pause == 0 {
		log.Warn("dns: "+doing+" fails, trying on", "error", err)
	}
	b.pause = min(max(2*b.pause, firstPause), maxPause)
	timer := time.NewTimer(b.pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// reset ends a row of failures.
func (b *backoff) reset() { b.pause = 0 }
