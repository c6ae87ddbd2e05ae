package store

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// openAt opens a database whose stored serial is that one, with an account "a".
func openAt(t testing.TB, opts Options, serial zone.Serial) *Store {
	t.Helper()
	made := opts
	made.Log = slog.New(slog.DiscardHandler)
	s := mustOpen(t, made)
	do(t, s, one(zone.Register{Account: account("a")}))
	if err := errors.Join(s.Close(), execute(s.opts.Path, fmt.Sprint("UPDATE zone_state SET serial = ", serial))); err != nil {
		t.Fatal(err)
	}
	return mustOpen(t, opts)
}

// move changes the zone's data in a commit of its own and returns the new serial.
func move(t testing.TB, s *Store) zone.Serial {
	t.Helper()
	return do(t, s, one(set("a", fmt.Sprint("after ", s.Snapshot().Serial())))).Serial()
}

func TestSerialOfTheNextChange(t *testing.T) {
	const day = 24 * time.Hour
	unix := zone.Serial(uint32(newClock().t.Unix()))
	for _, c := range []struct {
		name   string
		policy zone.SerialPolicy
		stored zone.Serial
		later  time.Duration
		want   zone.Serial
	}{
		{"this second's second", zone.SerialUnixTime, unix, 0, unix + 1},
		{"the next second's, after three in this", zone.SerialUnixTime, unix + 2, time.Second, unix + 3},
		{"clock set back", zone.SerialUnixTime, unix, -day, unix + 1},
		{"over the edge, where zero is passed over", zone.SerialIncrement, 4294967295, 0, 1},
		{"date, the day's 101st", zone.SerialDate, 2026112399, 0, 2026112400},
		{"date, the next day's, after 101", zone.SerialDate, 2026112400, day, 2026112401},
		{"date, the next day's, after 100", zone.SerialDate, 2026112399, day, 2026112400},
		{"date, clock set back", zone.SerialDate, 2026112305, -3 * day, 2026112306},
		{"date after Unix time", zone.SerialDate, unix, 0, 2026112300},
		{"Unix time after a date", zone.SerialUnixTime, 2026112300, 0, 2026112301},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock := newClock()
			opts := options(t, clock)
			opts.Policy = c.policy
			s := openAt(t, opts, c.stored)
			clock.t = clock.t.Add(c.later)
			if got := move(t, s); got != c.want {
				t.Errorf("%d, want %d", got, c.want)
			}
			if s = reopen(t, s); s.Snapshot().Serial() != c.want {
				t.Errorf("%d after a restart, want %d", s.Snapshot().Serial(), c.want)
			}
			if got := move(t, s); got != c.want+1 {
				t.Errorf("%d for the first change after a restart, want %d", got, c.want+1)
			}
		})
	}
}

func TestRaiseSerial(t *testing.T) {
	for _, c := range []struct {
		name          string
		stored, above zone.Serial
		want          zone.Serial
	}{
		{"ahead", 100, 500, 501},
		{"the same", 100, 100, 101},
		{"behind", 100, 99, 100},
		{"across the edge", 4294967290, 5, 6},
		{"behind, across the edge", 5, 4294967290, 5},
		{"to the edge, where zero is passed over", 4294967290, 4294967295, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			opts := options(t, newClock())
			opts.Policy = zone.SerialIncrement
			s := openAt(t, opts, c.stored)
			for range 2 { // the second time the serial is beyond it
				if got := do(t, s, one(zone.RaiseSerial{Above: c.above})).Serial(); got != c.want {
					t.Errorf("%d, want %d", got, c.want)
				}
			}
			if s = reopen(t, s); s.Snapshot().Serial() != c.want {
				t.Errorf("%d after a restart, want %d", s.Snapshot().Serial(), c.want)
			}
		})
	}
}

func TestRaiseSerialGoesWithTheRestOfItsBatch(t *testing.T) {
	s := mustOpen(t, options(t, newClock()))
	before := do(t, s, []zone.Change{zone.Register{Account: account("a")}, set("a", "1")}).Serial()
	above := before + 1000
	snap := do(t, s, []zone.Change{
		set("a", "1"), zone.RaiseSerial{Above: above}, zone.Register{Account: account("b")}, set("b", "1"), set("nobody", "1"),
	}, nil, nil, nil, nil, zone.ErrNoAccount)
	repeated, _ := snap.Lookup("a")
	added, _ := snap.Lookup("b")
	if snap.Serial() != above+1 || added.Serial != above+1 || repeated.Serial != before {
		t.Errorf("serial %d, added %d, repeated %d; before %d", snap.Serial(), added.Serial, repeated.Serial, before)
	}
	if after := do(t, s, []zone.Change{zone.Register{Account: account("c")}, set("a", "1")}).Serial(); after != above+1 {
		t.Errorf("a registration and a repeated value moved the serial to %d", after)
	}
}

func TestRaiseSerialToWhatIsBehindWritesNone(t *testing.T) {
	s := mustOpen(t, options(t, newClock()))
	serial := s.Snapshot().Serial()
	if err := execute(s.opts.Path, "CREATE TRIGGER written BEFORE UPDATE OF serial ON zone_state BEGIN SELECT RAISE(ABORT, 'written'); END"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		above zone.Serial
		want  error
	}{{serial - 1, nil}, {serial - 1000, nil}, {serial, zone.ErrNotStored}} {
		if got := do(t, s, one(zone.RaiseSerial{Above: c.above}), c.want).Serial(); got != serial {
			t.Errorf("above %d: %d, want %d", c.above, got, serial)
		}
	}
}

func TestRestoredBackupIsRaisedBeyondWhatIsServed(t *testing.T) {
	s := mustOpen(t, options(t, newClock()))
	do(t, s, []zone.Change{zone.Register{Account: account("a")}, set("a", "1")})
	path := s.opts.Path
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	backup, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, s.opts)
	move(t, s)
	served := move(t, s)
	if err := errors.Join(s.Close(), os.WriteFile(path, backup, 0o600)); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, s.opts)
	if old := s.Snapshot().Serial(); !old.Less(served) || !served.Plausible(old, s.opts.Now()) {
		t.Fatalf("the backup has %d, %d was served", old, served)
	}
	if raised := do(t, s, one(zone.RaiseSerial{Above: served})).Serial(); raised != served+1 {
		t.Errorf("raised to %d, %d was served", raised, served)
	}
	if s = reopen(t, s); move(t, s) != served+2 {
		t.Errorf("%d after a restart and a change, %d was served", s.Snapshot().Serial(), served)
	}
}

func TestPolicyThatCannotTakeHoldIsSaidAtTheStart(t *testing.T) {
	unix := zone.Serial(uint32(newClock().t.Unix()))
	for _, c := range []struct {
		name   string
		policy zone.SerialPolicy
		stored zone.Serial
		want   int
	}{
		{"from date to Unix time", zone.SerialUnixTime, 2026112401, 1},
		{"from Unix time to date", zone.SerialDate, unix, 0},
		{"a date to come", zone.SerialDate, 2027112401, 1},
		{"increment after a date", zone.SerialIncrement, 2026112401, 0},
		{"a clock that is an hour behind", zone.SerialUnixTime, unix + 3600, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log strings.Builder
			opts := options(t, newClock())
			opts.Policy, opts.Log = c.policy, slog.New(slog.NewTextHandler(&log, nil))
			move(t, openAt(t, opts, c.stored))
			said := fmt.Sprintf("policy=%s serial=%d\n", c.policy, c.stored)
			if n := strings.Count(log.String(), "can't take hold"); n != c.want || n != strings.Count(log.String(), said) {
				t.Errorf("said %d times, want %d:\n%s", n, c.want, &log)
			}
		})
	}
}

func TestSerialAheadOfTheDateIsSaidOnceADay(t *testing.T) {
	var log strings.Builder
	clock := newClock()
	opts := options(t, clock)
	opts.Policy, opts.Log = zone.SerialDate, slog.New(slog.NewTextHandler(&log, nil))
	s := openAt(t, opts, 2026112397)
	said := func(what string, want int) {
		t.Helper()
		if n := strings.Count(log.String(), "runs ahead of the date"); n != want {
			t.Errorf("%s: said %d times, want %d:\n%s", what, n, want, &log)
		}
	}
	step := func(what string, want zone.Serial, warnings int) {
		t.Helper()
		if got := move(t, s); got != want {
			t.Errorf("%s: serial %d, want %d", what, got, want)
		}
		said(what, warnings)
	}
	step("the day's 99th", 2026112398, 0)
	step("the day's 100th", 2026112399, 0)
	step("the day's 101st", 2026112400, 1)
	step("the day's 102nd", 2026112401, 1)
	clock.t = clock.t.Add(24 * time.Hour)
	step("the next day, whose serials these are", 2026112402, 1)
	clock.t = clock.t.Add(-24 * time.Hour)
	step("clock set back, to a day that was said", 2026112403, 1)
	clock.t = clock.t.Add(-24 * time.Hour)
	do(t, s, one(zone.Register{Account: account("b")}))
	said("a registration, which moves no serial", 1)
	step("clock set back further", 2026112404, 2)
	clock.t = clock.t.Add(3 * 24 * time.Hour)
	step("the date has caught up", 2026112500, 2)
}

// TestRedefineMovesWhateverCameBefore: unlike RaiseSerial it doesn't depend on a serial
// that was read before other changes were written.
func TestRedefineMovesWhateverCameBefore(t *testing.T) {
	s := mustOpen(t, options(t, newClock()))
	do(t, s, one(zone.Register{Account: account("a")}))
	for range 3 {
		before := move(t, s)
		if after := do(t, s, one(zone.Redefine{})).Serial(); !before.Less(after) {
			t.Errorf("%d after %d", after, before)
		}
	}
	last := s.Snapshot().Serial()
	if s = reopen(t, s); s.Snapshot().Serial() != last {
		t.Errorf("%d after a restart, want %d", s.Snapshot().Serial(), last)
	}
}
