package zone

import (
	"fmt"
	"time"
)

// Serial is the serial number of an SOA record. It wraps around; two serials
// compare by the arithmetic of RFC 1982, never with <.
type Serial uint32

// half is 2^31, the distance at which RFC 1982 leaves the order undefined.
const half = 1 << 31

// Less reports whether s comes before t (RFC 1982, section 3.2). At a distance
// of exactly 2^31 neither comes before the other.
func (s Serial) Less(t Serial) bool { return s != t && t-s < half }

// Reached reports whether s is t or comes after it: data of serial s holds
// everything that data of serial t holds.
func (s Serial) Reached(t Serial) bool { return s-t < half }

// following returns the serial after s. Zero is passed over: some secondaries
// take it for "no serial".
func (s Serial) following() Serial {
	if next := s + 1; next != 0 {
		return next
	}
	return 1
}

// leadsOn reports whether s is current or comes after it, and the serial after s
// comes after current too. Where s is almost 2^31 ahead it doesn't: then no serial
// comes after both.
func (s Serial) leadsOn(current Serial) bool {
	return s.Reached(current) && current.Less(s.following())
}

// SerialPolicy says how the next serial is chosen.
type SerialPolicy string

// The policies of zone.serial_policy.
const (
	SerialUnixTime  SerialPolicy = "unixtime"
	SerialDate      SerialPolicy = "date"
	SerialIncrement SerialPolicy = "increment"
)

// ParseSerialPolicy returns the policy of that name.
func ParseSerialPolicy(name string) (SerialPolicy, error) {
	switch p := SerialPolicy(name); p {
	case SerialUnixTime, SerialDate, SerialIncrement:
		return p, nil
	}
	return "", fmt.Errorf("%q is none of unixtime, date, increment", name)
}

// Next returns the serial to follow current at the time now: what the policy
// asks for if that is an advance, else current plus one, so that it moves with
// every change and never back, whatever the clock does. Zero is passed over.
func (p SerialPolicy) Next(current Serial, now time.Time) Serial {
	if wanted := p.wanted(now); wanted != 0 && current.Less(wanted) {
		return wanted
	}
	return current.following()
}

// wanted is the serial that the policy would like at that time, 0 for none.
func (p SerialPolicy) wanted(now time.Time) Serial {
	switch p {
	case SerialUnixTime:
		return Serial(uint32(now.Unix()))
	case SerialDate:
		y, m, d := now.UTC().Date()
		return Serial(uint32(y*1000000 + int(m)*10000 + d*100))
	}
	return 0
}

// lastOfDay is how far the last serial that a day has under the date policy is
// from its first.
const lastOfDay = 99

// Blocked reports whether current keeps the policy from choosing serials, for
// longer than a day: it is beyond everything that the policy would like until
// then. Up to a day is let pass: that much comes of a clock that was set back, or
// of many changes. Increment likes every serial and is never blocked.
func (p SerialPolicy) Blocked(current Serial, now time.Time) bool {
	wanted := p.wanted(now)
	if wanted == 0 || current.Less(wanted) {
		return false
	}
	latest := p.wanted(now.Add(24 * time.Hour))
	if p == SerialDate {
		latest += lastOfDay
	}
	return current-wanted > latest-wanted
}

// BeyondDay reports whether s is beyond the hundred serials that the date policy
// has for the day of now (UTC). Under the other policies no serial is.
func (p SerialPolicy) BeyondDay(s Serial, now time.Time) bool {
	return p == SerialDate && (p.wanted(now) + lastOfDay).Less(s)
}

// First returns the serial that a new zone begins with.
func (p SerialPolicy) First(now time.Time) Serial { return p.Next(0, now) }
