package zone

import (
	"testing"
	"time"

	"pgregory.net/rapid"
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
		{"date, the hundredth of the day", SerialDate, 2026112398, 2026112399},
		{"date, the day's 101st", SerialDate, 2026112399, 2026112400},
		{"date, clock set back", SerialDate, 2026112401, 2026112402},
		{"date, the day after one with 105: goes on from there", SerialDate, 2026112304, 2026112305},
		{"date after unix time", SerialDate, unix, 2026112300},
		{"increment", SerialIncrement, 41, 42},
		{"increment over the edge leaves zero out", SerialIncrement, 4294967295, 1},
		{"unix time over the edge", SerialUnixTime, 4294967295, unix},
		{"date over the edge", SerialDate, 4294967295, 2026112300},
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

func drawPolicy(t *rapid.T) SerialPolicy {
	return rapid.SampledFrom([]SerialPolicy{SerialUnixTime, SerialDate, SerialIncrement}).Draw(t, "policy")
}

func drawTime(t *rapid.T) time.Time {
	return time.Unix(rapid.Int64Range(-1<<34, 1<<34).Draw(t, "now"), 0)
}

func drawSerial(t *rapid.T, label string) Serial {
	edges := rapid.SampledFrom([]uint32{0, 1, half - 2, half - 1, half, half + 1, 0xFFFFFFFE, 0xFFFFFFFF})
	return Serial(rapid.OneOf(edges, rapid.Uint32()).Draw(t, label))
}

func TestNextIsAlwaysAnAdvance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		current := drawSerial(t, "current")
		if next := drawPolicy(t).Next(current, drawTime(t)); !current.Less(next) || next == 0 {
			t.Fatalf("%d after %d", next, current)
		}
	})
}

func TestSerialPolicyBlocked(t *testing.T) {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	unix := Serial(uint32(noon.Unix()))
	const day = 24 * 60 * 60
	for _, c := range []struct {
		name    string
		policy  SerialPolicy
		current Serial
		want    bool
	}{
		{"unix time, as it should be", SerialUnixTime, unix, false},
		{"unix time, a day ahead", SerialUnixTime, unix + day, false},
		{"unix time, more than a day ahead", SerialUnixTime, unix + day + 1, true},
		{"unix time after a date", SerialUnixTime, 2026112401, true},
		{"unix time after an early count", SerialUnixTime, 17, false},
		{"unix time, exactly half ahead", SerialUnixTime, unix + half, true},
		{"unix time, more than half ahead is behind", SerialUnixTime, unix + half + 1, false},
		{"date, as it should be", SerialDate, 2026112305, false},
		{"date after unix time", SerialDate, unix, false},
		{"date, tomorrow's last", SerialDate, 2026112499, false},
		{"date, beyond tomorrow's last", SerialDate, 2026112500, true},
		{"date, next year", SerialDate, 2027010100, true},
		{"date, more than half ahead is behind", SerialDate, 2026112300 + half + 1, false},
		{"increment", SerialIncrement, 4294967295, false},
	} {
		if got := c.policy.Blocked(c.current, noon); got != c.want {
			t.Errorf("%s: Blocked(%d) = %v", c.name, c.current, got)
		}
	}
}

func TestSerialPolicyBeyondDay(t *testing.T) {
	late := time.Date(2026, 12, 31, 23, 59, 59, 0, time.FixedZone("behind", -3600)) // 2027 in UTC
	for _, c := range []struct {
		name   string
		policy SerialPolicy
		serial Serial
		want   bool
	}{
		{"the day's last", SerialDate, 2027010199, false},
		{"the next day's first", SerialDate, 2027010200, true},
		{"unix time", SerialUnixTime, 2027010200, false},
		{"increment", SerialIncrement, 2027010200, false},
	} {
		if got := c.policy.BeyondDay(c.serial, late); got != c.want {
			t.Errorf("%s: BeyondDay(%d) = %v", c.name, c.serial, got)
		}
	}
}
