package watch

import "time"

const (
	// settle is how long files are left alone before they are read: who replaces
	// two of them does so in two steps, and who writes one, in several.
	settle = 100 * time.Millisecond
	// patience is how long they are waited for if they never settle.
	patience = time.Second
)

// burst makes one of events that come close together. One goroutine uses it.
type burst struct {
	timer *time.Timer // fires when the burst is over
	since time.Time   // zero: none is under way
}

func newBurst() *burst {
	b := &burst{timer: time.NewTimer(settle)}
	b.timer.Stop()
	return b
}

// add puts the end off, though not for ever.
func (b *burst) add() {
	if b.since.IsZero() {
		b.since = time.Now()
	}
	b.timer.Reset(min(settle, patience-time.Since(b.since)))
}

// end is to be called when the timer has fired.
func (b *burst) end() { b.since = time.Time{} }
