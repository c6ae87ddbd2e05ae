package nsdctl

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// ServerStatus is what a name server answered when it was last asked, which is every few
// seconds.
type ServerStatus struct {
	Server  string        // host:port
	Serial  zone.Serial   // that it answered last, if Known
	Known   bool          // it has answered one
	InSync  bool          // its last answer was the zone's serial, or a later one
	Behind  time.Duration // since it was last seen in sync, or first asked; 0 if InSync
	Skipped bool          // it is passed over
}

// sightings are what the servers answered last. Any number of goroutines may use them;
// nil takes nothing.
type sightings struct {
	newest func() zone.Serial

	mu  sync.Mutex
	all map[string]*sighting
}

type sighting struct {
	serial zone.Serial
	known  bool
	err    error
	synced time.Time // when it was last in sync; at first, when it was first asked
}

func newSightings(newest func() zone.Serial) *sightings {
	return &sightings{newest: newest, all: make(map[string]*sighting)}
}

// note takes down what a server answered.
func (s *sightings) note(server string, serial zone.Serial, err error) {
	if s == nil {
		return
	}
	newest := s.newest()
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.all[server]
	if seen == nil {
		seen = &sighting{synced: time.Now()}
		s.all[server] = seen
	}
	seen.err = err
	if err == nil {
		seen.serial, seen.known = serial, true
	}
	if seen.inSync(newest) {
		seen.synced = time.Now()
	}
}

func (s *sighting) inSync(newest zone.Serial) bool {
	return s.err == nil && s.known && s.serial.Reached(newest)
}

// keep forgets the servers that aren't the zone's any more.
func (s *sightings) keep(servers []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for server := range s.all {
		if !slices.Contains(servers, server) {
			delete(s.all, server)
		}
	}
}

// status returns what is known, by the names of the servers.
func (s *sightings) status() []ServerStatus {
	newest := s.newest()
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []ServerStatus
	for server, seen := range s.all {
		status := ServerStatus{Server: server, Serial: seen.serial, Known: seen.known, InSync: seen.inSync(newest)}
		if !status.InSync {
			status.Behind = time.Since(seen.synced)
		}
		all = append(all, status)
	}
	slices.SortFunc(all, func(a, b ServerStatus) int { return strings.Compare(a.Server, b.Server) })
	return all
}

// Servers returns what NSD and the other servers of the zone answered last. It may be
// called by any number of goroutines.
func (o *Others) Servers() []ServerStatus {
	all := o.asker.seen.status()
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range all {
		all[i].Skipped = o.skipped[all[i].Server] != nil
	}
	return all
}
