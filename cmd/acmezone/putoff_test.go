package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/config"
	"github.com/acmezone/acmezone/internal/zone"
)

// TestWhatIsPutOff: what no change of the configuration would mend.
func TestWhatIsPutOff(t *testing.T) {
	full := &os.PathError{Op: "write", Path: "/tmp/acmezone-zone-1", Err: syscall.ENOSPC}
	for _, c := range []struct {
		err  error
		want bool
	}{
		{fmt.Errorf("%w: the disk is full", zone.ErrNotStored), true},
		{zone.ErrBusy, true},
		{errors.Join(full, nil), true},
		{fmt.Errorf("the database: %w", context.DeadlineExceeded), true},
		{usageError{errors.New("zone.records: line 1")}, false},
		{usageError{&os.PathError{Op: "open", Path: "/nowhere/audit.log", Err: syscall.ENOENT}}, false},
		{zone.ErrForked, false},
	} {
		if got := passes(c.err); got != c.want {
			t.Errorf("%v is put off: %t", c.err, got)
		}
	}
}

// TestPutOffIsSaidOnce, however often it is tried, and of the next one anew.
func TestPutOffIsSaidOnce(t *testing.T) {
	var said bytes.Buffer
	s := &service{startup: startup{log: slog.New(slog.NewTextHandler(&said, nil))}}
	var waits []time.Duration
	for n := range 5 {
		s.delay(new(config.Config), fmt.Errorf("%w: reason %d", zone.ErrNotStored, n))
		waits = append(waits, s.putOff.delay)
	}
	if want := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, lastTry, lastTry}; !slices.Equal(waits, want) {
		t.Error(waits)
	}
	if n := strings.Count(said.String(), putOffNow); n != 1 || !strings.Contains(s.refused.Load().reason, "reason 4") {
		t.Errorf("said %d times; now %s", n, s.refused.Load())
	}
	s.refuse(errors.New("a reason that doesn't pass"))
	if s.putOff.due != nil || s.refused.Load().putOff {
		t.Error("what can't be taken up is tried again")
	}
	s.delay(new(config.Config), zone.ErrBusy)
	if n := strings.Count(said.String(), putOffNow); n != 2 || s.putOff.delay != firstTry {
		t.Errorf("said %d times of two", n)
	}
}

// TestRefusalForStrangers has no reason in it, which may name files.
func TestRefusalForStrangers(t *testing.T) {
	for _, r := range []refusal{{reason: "/etc/x", putOff: true}, {reason: "/etc/x"}} {
		if strings.Contains(r.public(), r.reason) || !strings.Contains(r.String(), r.reason) ||
			strings.Contains(r.String(), "yet") != r.putOff || strings.Contains(r.public(), "yet") != r.putOff {
			t.Errorf("%s; %s", r, r.public())
		}
	}
}
