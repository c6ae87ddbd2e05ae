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

// Redefine takes up other static records for the same zone, while the server runs.
// They are answered from the next Publish of a later serial on, with that serial: a
// serial that was answered once never stands for other data. So it is followed by a
// commit that raises the serial. Called again before that, the last one counts. It
// may be called from any goroutine. On error nothing has changed.
func (s *Server) Redefine(def *zone.Definition) error {
	next, err := prepare(def)
	if err != nil {
		return fmt.Errorf("dns: %w", err)
	}
	if now := s.version.Load().static; string(next.apex) != string(now.apex) {
		return fmt.Errorf("dns: a server that runs can't change to another zone, %s: restart it", def.Name())
	}
	s.redefined.Store(next)
	return nil
}

// advance makes snap what is answered, if it is later than what is.
func (s *Server) advance(snap *zone.Snapshot) {
	now := s.version.Load()
	if now.snap != nil && (snap.Serial() == now.snap.Serial() || !snap.Serial().Reached(now.snap.Serial())) {
		return
	}
	next := &version{static: now.static, snap: snap}
	if redefined := s.redefined.Load(); redefined != nil {
		next.static = redefined
		defer s.redefined.CompareAndSwap(redefined, nil) // not one that came meanwhile
	}
	s.version.Store(next)
	if now.snap == nil {
		close(s.published)
	}
}
