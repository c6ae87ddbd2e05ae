package nsdctl

import (
	"context"
	"sync"

	"github.com/acmezone/acmezone/internal/zone"
)

// handover is what the side that hands the zone to NSD tells the side that asks the
// other servers. Any number of goroutines may use it.
type handover struct {
	mu      sync.Mutex
	known   bool
	served  zone.Serial // NSD itself answers it
	servers []string    // who is to confirm it
	notify  func(ctx context.Context) error
	changed chan struct{} // closed, and replaced, with each change
}

func newHandover() *handover { return &handover{changed: make(chan struct{})} }

// proved notes that NSD answers a serial, who else has to, and how NSD is made to tell
// them so once more.
func (h *handover) proved(serial zone.Serial, servers []string, notify func(ctx context.Context) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.known, h.served, h.servers, h.notify = true, serial, servers, notify
	close(h.changed)
	h.changed = make(chan struct{})
}

// wait returns who is to confirm, as soon as NSD answers that serial or a later one.
func (h *handover) wait(ctx context.Context, serial zone.Serial) ([]string, error) {
	for {
		h.mu.Lock()
		reached, servers, changed := h.known && h.served.Reached(serial), h.servers, h.changed
		h.mu.Unlock()
		if reached {
			return servers, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// remind returns what makes NSD tell the other servers once more that the zone has
// changed.
func (h *handover) remind(ctx context.Context) func() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	notify := h.notify
	return func() error { return notify(ctx) }
}

// current returns the serial that NSD answers and who else is asked for it.
func (h *handover) current() (zone.Serial, []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.served, h.servers
}
