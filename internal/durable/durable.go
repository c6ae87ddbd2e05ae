// Package durable has what every replacement of a file needs, so that there is the old
// one or the new one, whole, whenever the power goes, and so that NSD notices it.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// SyncFolder brings the names in the folder of path to the disk: a rename or a removal
// isn't there for good before.
func SyncFolder(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Later sets the time of change of the file next to now, or to after that of the file old
// if that isn't past: NSD passes over a file whose time is that of the one it has loaded.
// Some file systems keep whole seconds only. Without an old file nothing has to be done.
func Later(next, old string) error {
	before, err := os.Stat(old)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, step := range []time.Duration{time.Microsecond, time.Second, 2 * time.Second} {
		later := before.ModTime().Add(step)
		if now := time.Now(); now.After(later) {
			later = now
		}
		if err := os.Chtimes(next, time.Time{}, later); err != nil {
			return err
		}
		if set, err := os.Stat(next); err != nil || set.ModTime().After(before.ModTime()) {
			return err
		}
	}
	return fmt.Errorf("the time of change can't be set later than %v", before.ModTime())
}
