package zone

import (
	"testing"
	"time"
)

func TestSerialPlausible(t *testing.T) {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	unix := Serial(uint32(noon.Unix()))
	const day = 24 * 60 * 60
	for _, c := range []struct {
		name       string
		s, current Serial
		want       bool
	}{
		{"the same", 4000000000, 4000000000, true},
		{"behind", 1999999999, 4000000000, true},
		{"behind, across the edge", 4294967295, 5, true},
		{"one ahead, across the edge", 1, 4294967295, true},
		{"counted as far as can be", unix + 10*day + counted, unix + 10*day, true},
		{"counted further", unix + 10*day + counted + 1, unix + 10*day, false},
		{"counted across the edge", 1000, 4294967000, true},
		{"now, for a zone that counts", unix, 7, true},
		{"Unix time, a day from now", unix + day, 7, true},
		{"Unix time, more than a day from now", unix + day + 1, 7, false},
		{"Unix time, for a zone stuck near the edge", unix, 4000000000, true},
		{"today's date", 2026112300, unix, true},
		{"today's last", 2026112399, unix, true},
		{"tomorrow's last", 2026112499, unix, true},
		{"the day after tomorrow", 2026112500, unix, false},
		{"a leap day", 2024022900, unix, true},
		{"no leap day", 2026022900, unix, false},
		{"the first year", 1990010100, unix, true},
		{"before the first year", 1989123199, unix, false},
		{"no month 13", 2025130100, unix, false},
		{"no month 0", 2026000100, unix, false},
		{"no day 0", 2026010000, unix, false},
		{"no day 32", 2026013200, unix, false},
		{"a date to come", 2999123199, unix, false},
		{"of no policy", 3500000000, unix, false},
		{"of no policy, after a date", 4000000000, 2026112300, false},
		{"of no policy, but behind: more than half away", 4000000000, unix, true},
		{"beyond what can be followed, even if it is a Unix time", unix, unix - half + 1, false},
		{"exactly half ahead, where the order is undefined", 1700000000, 1700000000 + half, false},
	} {
		if got := c.s.Plausible(c.current, noon); got != c.want {
			t.Errorf("%s: %d.Plausible(%d) = %v", c.name, c.s, c.current, got)
		}
	}
}
