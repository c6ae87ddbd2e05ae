// Package flock keeps two processes from changing the same thing at once, by a lock that
// the kernel lets go of however its holder ends (flock(2)).
package flock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ErrHeld: another process, or another open file of this one, had the lock all the time.
var ErrHeld = errors.New("it is locked by another process")

// poll is how often a held lock is tried again.
const poll = 50 * time.Millisecond

// Take waits for the lock of an open file or folder, which has it until it is closed.
// Errors: ErrHeld when ctx was done first, with its cause, and the kernel's.
func Take(ctx context.Context, f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrHeld, context.Cause(ctx))
		case <-time.After(poll):
		}
	}
}
