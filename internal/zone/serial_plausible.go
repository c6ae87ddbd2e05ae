package zone

import "time"

// counted is how far ahead a serial may be that was only counted up: a zone that
// is changed once a minute takes two years to get there.
const counted = 1 << 20

// Plausible reports whether current, the zone's serial, may be raised beyond s,
// which was found elsewhere: in the zone file or at a name server. A serial never
// goes back, so one that was a mistake, or was misread, would leave no way back:
// after 2999123199 or 3500000000 neither the time nor a date is an advance for
// decades. So s must be one that a policy could have come to by now, give or take a
// day for clocks that differ: a Unix time, a date with a count (YYYYMMDDnn), or
// current and at most 2^20 changes. If s isn't ahead of current there is nothing to
// follow, which is plausible.
//
// What is ahead is told by RFC 1982, across the edge too. Times and dates are read
// as the plain numbers that the policies write.
func (s Serial) Plausible(current Serial, now time.Time) bool {
	if current.Reached(s) {
		return true
	}
	tomorrow := now.Add(24 * time.Hour)
	return s.leadsOn(current) &&
		(s-current <= counted || int64(s) <= tomorrow.Unix() || s.isDate(tomorrow))
}

// isDate reports whether s is a real date from 1990 up to the latest (UTC), with a
// count of two digits.
func (s Serial) isDate(latest time.Time) bool {
	year, month, day := int(s/1000000), time.Month(s/10000%100), int(s/100%100)
	date := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	exists := date.Month() == month && date.Day() == day // else Date has carried over
	return exists && year >= 1990 && !date.After(latest)
}
