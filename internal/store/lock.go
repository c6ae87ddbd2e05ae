package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/acmezone/acmezone/internal/flock"
)

// lock is held for as long as the database is open. It is a file of its own
// beside the database: closing the database file itself anywhere in the process
// would drop SQLite's own locks. The kernel lets go of it when the process ends,
// however it ends.
type lock struct{ file *os.File }

// takeLock waits up to that long for the lock.
func takeLock(ctx context.Context, path string, wait time.Duration) (*lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the database's lock: %w", err)
	}
	if err := giveToFolderOwner(path); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	err = flock.Take(ctx, f)
	switch {
	case err == nil:
		return &lock{f}, writeHolder(f)
	case errors.Is(err, flock.ErrHeld):
		err = &LockedError{strings.TrimSuffix(path, ".lock"), readHolder(f)}
	default:
		err = fmt.Errorf("locking %s: %w", path, err)
	}
	return nil, errors.Join(err, f.Close())
}

// LockedError says that another process uses the database.
type LockedError struct {
	Path   string
	Holder string // its process id, empty if unknown
}

func (e *LockedError) Error() string {
	holder := "another acmezone"
	if e.Holder != "" {
		holder += " (process " + e.Holder + ")"
	}
	return fmt.Sprintf("the database %s is in use by %s: stop that one first, or give this one another store.path", e.Path, holder)
}

func writeHolder(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return nil // a hint for people, nothing depends on it: the disk may be full
	}
	fmt.Fprintf(io.NewOffsetWriter(f, 0), "%d\n", os.Getpid())
	return nil
}

func readHolder(f *os.File) string {
	b := make([]byte, 20)
	n, _ := f.ReadAt(b, 0)
	return strings.TrimSpace(string(b[:n]))
}

// release lets go of the lock. The file stays: removing it would let two
// processes lock two files of one name.
func (l *lock) release() error {
	if l == nil {
		return nil
	}
	return l.file.Close()
}
