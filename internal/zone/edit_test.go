package zone

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestNextSerialAfterRaise(t *testing.T) {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	unix := Serial(uint32(noon.Unix()))
	for _, c := range []struct {
		name    string
		policy  SerialPolicy
		current Serial
		above   []Serial
		want    Serial
	}{
		{"not raised", SerialUnixTime, 7, nil, 7},
		{"the policy's own is beyond it", SerialUnixTime, 7, []Serial{100}, unix},
		{"the policy's own isn't", SerialUnixTime, unix, []Serial{unix + 10}, unix + 11},
		{"the same", SerialIncrement, 7, []Serial{7}, 8},
		{"behind", SerialIncrement, 7, []Serial{6}, 7},
		{"behind, across the edge", SerialIncrement, 7, []Serial{4294967295}, 7},
		{"across the edge", SerialIncrement, 4294967290, []Serial{5}, 6},
		{"to the edge: leaves zero out", SerialIncrement, 4294967290, []Serial{4294967295}, 1},
		{"twice, the greater last", SerialIncrement, 7, []Serial{10, 20}, 21},
		{"twice, the greater first", SerialIncrement, 7, []Serial{20, 10}, 21},
		{"twice, the second beyond the first alone", SerialIncrement, 7, []Serial{half, half + 1000}, half + 1},
		{"as far as can be", SerialIncrement, 7, []Serial{7 + half - 2}, 7 + half - 1},
		{"further than can be", SerialIncrement, 7, []Serial{7 + half - 1}, 7},
		{"exactly half ahead", SerialIncrement, 7, []Serial{7 + half}, 7},
		{"the policy's own is behind, around the circle", SerialDate, 3000000000, []Serial{4200000000}, 4200000001},
	} {
		edit := NewSnapshot(c.current, 0).Edit()
		for _, above := range c.above {
			edit.Raise(above)
		}
		got := edit.NextSerial(c.policy, noon)
		if got != c.want || edit.Moves() != (got != c.current) {
			t.Errorf("%s: %d, moves %v, want %d", c.name, got, edit.Moves(), c.want)
		}
	}
}

func TestRaiseGoesWithTheDataInOneSerial(t *testing.T) {
	e := NewSnapshot(10, 0).Edit()
	e.Set("repeated", "1", 100, 6)
	snap, _ := e.Finish(11)
	e = snap.Edit()
	e.Set("repeated", "1", 200, 6)
	e.Raise(50)
	e.Set("new", "1", 200, 6)
	snap, delta := e.Finish(e.NextSerial(SerialIncrement, time.Time{}))
	repeated, _ := snap.Lookup("repeated")
	added, _ := snap.Lookup("new")
	if snap.Serial() != 51 || delta.From != 11 || delta.To != 51 || added.Serial != 51 || repeated.Serial != 11 {
		t.Errorf("serial %d, delta %d to %d, new %d, repeated %d", snap.Serial(), delta.From, delta.To, added.Serial, repeated.Serial)
	}
}

func TestNextSerialIsBeyondAllThatItWasRaisedAbove(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base, now, policy := drawSerial(t, "current"), drawTime(t), drawPolicy(t)
		edit := NewSnapshot(base, 0).Edit()
		above := []Serial{drawSerial(t, "above"), drawSerial(t, "above")}
		for _, s := range above {
			edit.Raise(s)
		}
		next := edit.NextSerial(policy, now)
		if !next.Reached(base) || next == 0 && base != 0 {
			t.Fatalf("the serial went from %d to %d", base, next)
		}
		for _, s := range above {
			follow := s == base || !base.Reached(s) && s.Plausible(base, now)
			if (follow || s.leadsOn(base)) && !s.Less(next) {
				t.Fatalf("%d isn't beyond %d", next, s)
			}
		}
	})
}
