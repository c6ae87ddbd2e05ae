package nsdctl

import (
	"context"
	"sync"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// handover is what the side that hands the zone to NSD tells the side that asks the
// other servers. Any number of goroutines may use it.
type handover struct {
	mu      sync.Mutex
	known   bool
	served  zone.Serial // NSD itself answers it
	servers []string    // who is to confirm it
	begun   time.Time   // when it was handed over
	notify  func(ctx context.Context) error
	told    time.Time     // when NSD was last made to notify
	changed chan struct{} // closed, and replaced, with each change
}

func newHandover() *handover { return &handover{changed: make(chan struct{})} }

// proved notes that NSD answers a serial, who else has to, and how NSD is made to tell
// them so once more.
func (h *handover) proved(serial zone.Serial, begun time.Time, servers []string, notify func(ctx context.Context) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.known, h.served, h.begun, h.servers, h.notify = true, serial, begun, servers, notify
	close(h.changed)
	h.changed = make(chan struct{})
}

// wait returns who is to confirm, and since when they could know, as soon as NSD answers
// that serial or a later one.
func (h *handover) wait(ctx context.Context, serial zone.Serial) ([]string, time.Time, error) {
	for {
		h.mu.Lock()
		reached, servers, begun, changed := h.known && h.served.Reached(serial), h.servers, h.begun, h.changed
		h.mu.Unlock()
		if reached {
			return servers, begun, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, time.Time{}, ctx.Err()
		}
	}
}

// remind returns what makes NSD tell the other servers once more that the zone has
// changed.
func (h *handover) remind(ctx context.Context) func() error {
	return func() error {
		h.mu.Lock()
		notify, again := h.notify, time.Since(h.told) >= time.Second
		if again {
			h.told = time.Now()
		}
		h.mu.Unlock()
		if !again { // one notification tells all servers
			return nil
		}
		return notify(ctx)
	}
}

// current returns who else has to answer what NSD does.
func (h *handover) current() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.servers
}
