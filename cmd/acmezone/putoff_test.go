package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

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

// TestRefusalForStrangers has no reason in it, which may name files.
func TestRefusalForStrangers(t *testing.T) {
	for _, r := range []refusal{{reason: "/etc/x", putOff: true}, {reason: "/etc/x"}} {
		if strings.Contains(r.public(), r.reason) || !strings.Contains(r.String(), r.reason) ||
			strings.Contains(r.String(), "yet") != r.putOff || strings.Contains(r.public(), "yet") != r.putOff {
			t.Errorf("%s; %s", r, r.public())
		}
	}
}
