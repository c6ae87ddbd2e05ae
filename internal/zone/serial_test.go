package zone

import (
	"testing"
	"time"
)

func TestSerialOrder(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b Serial
		less bool
	}{
		{"plain", 1, 2, true},
		{"same", 7, 7, false},
		{"back", 2, 1, false},
		{"over the edge", 0xFFFFFFFF, 0, true},
		{"just under half", 0, half - 1, true},
		{"exactly half is undefined", 0, half, false},
		{"more than half is back", 0, half + 1, false},
	} {
		if got := c.a.Less(c.b); got != c.less {
			t.Errorf("%s: %d.Less(%d) = %v", c.name, c.a, c.b, got)
		}
		if c.less && (c.a.Reached(c.b) || !c.b.Reached(c.a)) {
			t.Errorf("%s: Reached contradicts Less", c.name)
		}
	}
}

func TestSerialNext(t *testing.T) {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	unix := Serial(uint32(noon.Unix()))
	for _, c := range []struct {
		name    string
		policy  SerialPolicy
		current Serial
		want    Serial
	}{
		{"unix time, first of all", SerialUnixTime, 0, unix},
		{"unix time, this second's second", SerialUnixTime, unix, unix + 1},
		{"unix time, clock set back", SerialUnixTime, unix + 3600, unix + 3601},
		{"unix time after a date: goes on from the date", SerialUnixTime, 2026112300, 2026112301},
		{"date, first of the day", SerialDate, 2026112205, 2026112300},
		{"date, second of the day", SerialDate, 2026112300, 2026112301},
		{"date, more than a hundred a day", SerialDate, 2026112399, 2026112400},
		{"date after unix time", SerialDate, unix, 2026112300},
		{"increment", SerialIncrement, 41, 42},
		{"increment over the edge leaves zero out", SerialIncrement, 0xFFFFFFFF, 1},
	} {
		got := c.policy.Next(c.current, noon)
		if got != c.want {
			t.Errorf("%s: Next(%d) = %d, want %d", c.name, c.current, got, c.want)
		}
		if !c.current.Less(got) {
			t.Errorf("%s: %d is no advance on %d", c.name, got, c.current)
		}
	}
}
