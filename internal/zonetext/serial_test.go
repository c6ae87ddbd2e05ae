package zonetext

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/acmezone/acmezone/internal/zone"
)

func TestNextSerial(t *testing.T) {
	unix := zone.Serial(clock.Unix())
	const year = 365 * 24 * 60 * 60
	for _, c := range []struct {
		name  string
		file  zone.Serial
		known []zone.Serial
		want  zone.Serial
	}{
		{"a date of yesterday", 2026112305, nil, 2026112401},
		{"a date of long ago", 1999010101, nil, 2026112401},
		{"a day's first is 00", 2026112300, nil, 2026112400},
		{"today's", 2026112401, nil, 2026112402},
		{"today's, which began with 00", 2026112400, nil, 2026112401},
		{"today's 99", 2026112499, nil, 2026112500},
		{"tomorrow's", 2026112501, nil, 2026112502},
		{"the day after tomorrow's is a number", 2026112601, nil, 2026112602},
		{"no such day", 2026023001, nil, 2026023002},
		{"a date before there was DNS is a Unix time", 1712010101, nil, unix},
		{"a date, and a server that knows a later one", 2026112305, []zone.Serial{2026112305, 2026112407}, 2026112408},
		{"a date, and a server that is behind", 2026112305, []zone.Serial{2026112200}, 2026112401},
		{"a Unix time", unix - 1000, nil, unix},
		{"a Unix time nine years ago", unix - 9*year, nil, unix},
		{"eleven years ago it is a number", unix - 11*year, nil, unix - 11*year + 1},
		{"this second's Unix time", unix, nil, unix + 1},
		{"a Unix time to come", unix + 1000, nil, unix + 1001},
		{"a Unix time, and a server that knows a date", unix - 5, []zone.Serial{2026112401}, 2026112402},
		{"a small number", 7, nil, 8},
		{"a small number, and servers beyond it", 7, []zone.Serial{9, 12, 3}, 13},
		{"zero", 0, nil, 1},
		{"the greatest", 4294967295, nil, 1},
		{"one from the edge", 4294967294, []zone.Serial{4294967295}, 1},
		{"across the edge", 4294967290, []zone.Serial{5}, 6},
	} {
		if got := NextSerial(c.file, c.known, clock); got != c.want {
			t.Errorf("%s: after %d, %v comes %d, want %d", c.name, c.file, c.known, got, c.want)
		}
	}
}

func TestNextSerialTakesTheDateOfTheClockGiven(t *testing.T) {
	late := time.Date(2026, 11, 24, 23, 30, 0, 0, time.UTC).In(time.FixedZone("ahead", 3600))
	if got := NextSerial(2026112401, nil, late); got != 2026112501 {
		t.Error(got)
	}
}

func TestNextSerialIsAlwaysAnAdvance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		file := zone.Serial(rapid.Uint32().Draw(t, "file"))
		near := rapid.Custom(func(t *rapid.T) zone.Serial {
			return file + zone.Serial(rapid.Int32Range(-1<<29, 1<<29).Draw(t, "from the file's"))
		})
		known := rapid.SliceOfN(near, 0, 4).Draw(t, "known")
		next := NextSerial(file, known, time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "now"), 0))
		for _, k := range append(known, file) {
			if !k.Less(next) || next == 0 {
				t.Fatalf("%d is no advance on %d", next, k)
			}
		}
	})
}
