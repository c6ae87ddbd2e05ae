package store

import (
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// warnBlocked says at the start if the stored serial is too great for the policy,
// as after a change from date to unixtime. It isn't refused: the serial goes on
// well, it only doesn't look as the operator asked.
func (s *Store) warnBlocked() {
	serial := s.current.Serial()
	if s.opts.Policy.Blocked(serial, s.opts.Now()) {
		s.opts.Log.Warn("zone.serial_policy can't take hold: the serial in the database is ahead of it, and goes on by one until the policy's own serials are greater",
			"policy", s.opts.Policy, "serial", serial)
	}
}

// warnBeyondDay says once a day (UTC) that a commit has moved the serial beyond the
// serials of that day: it can't be read as a date any more.
func (s *Store) warnBeyondDay(serial zone.Serial) {
	now := s.opts.Now()
	day := now.UTC().Format(time.DateOnly)
	if serial == s.current.Serial() || day == s.warned || !s.rules.Load().Policy.BeyondDay(serial, now) {
		return
	}
	s.warned = day
	s.opts.Log.Warn("the serial runs ahead of the date and goes on by one: with serial_policy = \"date\" a day has room for 100 changes",
		"serial", serial, "date", day)
}
