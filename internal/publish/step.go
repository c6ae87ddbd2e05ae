package publish

import "sync"

// step is what is done once, or withdrawn before.
type step struct {
	mu   sync.Mutex
	do   func()
	done bool
}

func (s *step) take() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.do != nil {
		s.do()
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
