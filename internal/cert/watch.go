package cert

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long files are left to settle: who replaces two of them does so
// in two steps.
const settle = 200 * time.Millisecond

// Watch calls changed after one of the files has changed, until ctx is done. It
// watches their folders, and those that symbolic links lead to, since files are
// replaced by renaming, and folders of files by switching a link. It calls changed
// once more at its beginning, for what changed before.
func Watch(ctx context.Context, files []string, changed func()) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watching files: %w", err)
	}
	defer watcher.Close()
	if err := follow(watcher, files); err != nil {
		return err
	}
	changed()
	timer := time.NewTimer(settle)
	timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-watcher.Events:
			timer.Reset(settle)
		case err := <-watcher.Errors:
			// The kernel's queue ran over, for instance: look for oneself.
			if err != nil {
				timer.Reset(settle)
			}
		case <-timer.C:
			changed()
			// A link may lead elsewhere now. A folder that is gone for the moment
			// is found again with the next event of the one above.
			_ = follow(watcher, files)
		}
	}
}

// follow watches the folder of each file and of whatever it is a link to.
func follow(watcher *fsnotify.Watcher, files []string) error {
	var wanted []string
	for _, f := range files {
		dir := filepath.Dir(f)
		wanted = append(wanted, dir)
		if target, err := filepath.EvalSymlinks(f); err == nil {
			wanted = append(wanted, filepath.Dir(target))
		}
		// Kubernetes and others switch a link to the folder itself.
		if filepath.Dir(dir) != dir {
			wanted = append(wanted, filepath.Dir(dir))
		}
	}
	for _, old := range watcher.WatchList() {
		if !slices.Contains(wanted, old) {
			_ = watcher.Remove(old) // a folder that is gone isn't watched any more
		}
	}
	for _, dir := range wanted {
		if err := watcher.Add(dir); err != nil {
			return fmt.Errorf("watching %s: %w", dir, err)
		}
	}
	return nil
}
