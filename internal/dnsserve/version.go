package dnsserve

import (
	"fmt"

	"github.com/acmezone/acmezone/internal/zone"
)

// version is what an answer is made from: the zone's static records and the live
// values of one serial, which are switched together. It is immutable.
type version struct {
	static *static
	snap   *zone.Snapshot // nil before the first Publish
}

// redefinition is other static records, and the serial that they go with. It is
// immutable.
type redefinition struct {
	static *static
	since  zone.Serial
}

// Prepare makes other static records for the same zone ready, while the server runs. The
// function that it returns has them answered from the Publish of the serial since, or of a
// later one, on: a serial that was answered once never stands for other data. So that
// serial is one that the zone has moved to for them. Called again before that, the last
// one counts. Both may be called from any goroutine. On error nothing has changed.
func (s *Server) Prepare(def *zone.Definition) (redefine func(since zone.Serial), err error) {
	next, err := prepare(def)
	if err != nil {
		return nil, fmt.Errorf("dns: %w", err)
	}
	if now := s.version.Load().static; string(next.apex) != string(now.apex) {
		return nil, fmt.Errorf("dns: a server that runs can't change to another zone, %s: restart it", def.Name())
	}
	return func(since zone.Serial) { s.redefined.Store(&redefinition{next, since}) }, nil
}

// advance makes snap what is answered, if it is later than what is.
func (s *Server) advance(snap *zone.Snapshot) {
	now := s.version.Load()
	if now.snap != nil && (snap.Serial() == now.snap.Serial() || !snap.Serial().Reached(now.snap.Serial())) {
		return
	}
	next := &version{static: now.static, snap: snap}
	if redefined := s.redefined.Load(); redefined != nil && snap.Serial().Reached(redefined.since) {
		next.static = redefined.static
		defer s.redefined.CompareAndSwap(redefined, nil) // not one that came meanwhile
	}
	s.version.Store(next)
	if now.snap == nil {
		close(s.published)
	}
}
