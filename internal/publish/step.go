package publish

import (
	"sync"

	"github.com/acmezone/acmezone/internal/zone"
)

// step is what is done once, or withdrawn before.
type step struct {
	mu   sync.Mutex
	do   func(*zone.Snapshot)
	done bool
}

func (s *step) take(durable *zone.Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.do != nil {
		s.do(durable)
		s.done = true
	}
}

// withdraw reports whether the step is not done and never will be.
func (s *step) withdraw() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.do = nil
	return !s.done
}
