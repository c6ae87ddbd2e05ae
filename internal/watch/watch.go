// Package watch notices that files have become others: certificates, which their makers
// replace in many ways, and the configuration.
package watch

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"

	"github.com/fsnotify/fsnotify"
)

// Files calls changed, in its own goroutine, after one of the files has become
// another or has been written to, until ctx is done; and once at its beginning, for
// what changed before. It watches folders, not files, since files are replaced by
// renaming and folders of files by switching a link. The error says which folder
// can't be watched; it comes before the first call.
func Files(ctx context.Context, files []string, log *slog.Logger, changed func()) error {
	kernel, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("files can't be watched for changes: %w (the sysctl fs.inotify.max_user_instances is the limit)", err)
	}
	defer kernel.Close()
	w := &watcher{kernel: kernel, files: files}
	if err := w.follow(); err != nil {
		return err
	}
	changed()
	w.run(ctx, func() {
		if err := w.follow(); err != nil {
			log.Warn("changes of files may go unnoticed until the service is restarted", "files", files, "err", err)
		}
		changed()
	})
	return nil
}

// watcher belongs to the goroutine of Files.
type watcher struct {
	kernel *fsnotify.Watcher
	files  []string
	steps  []step // on the way to the files; what happens to others doesn't matter
}

func (w *watcher) run(ctx context.Context, changed func()) {
	b := newBurst()
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-w.kernel.Events:
			if w.concerns(event.Name) {
				b.add()
			}
		case <-w.kernel.Errors:
			b.add() // the kernel's queue ran over, for instance: look for oneself
		case <-b.timer.C:
			b.end()
			changed()
		}
	}
}

// concerns leaves other files of the same folders out: the database may be among
// them, and is written to all the time. What lies in the root folder is //NAME to the
// library.
func (w *watcher) concerns(path string) bool {
	path = filepath.Clean(path)
	return slices.ContainsFunc(w.steps, func(s step) bool { return s.path == path })
}

// tries is how often links may be switched while they are being followed; what comes
// later raises an event.
const tries = 10

// follow watches what the files are now. What is switched, or goes away, between being
// read and being watched raises no event, so all is read once more afterwards.
func (w *watcher) follow() (err error) {
	for range tries {
		w.steps = w.trails()
		err = w.watchFolders()
		if slices.Equal(w.steps, w.trails()) {
			return err
		}
	}
	return err
}

func (w *watcher) trails() []step {
	var all []step
	for _, f := range w.files {
		all = append(all, trail(f)...)
	}
	return all
}

// watchFolders watches the folder of each step. Those that only hold folders are
// watched if possible: few rename them, and not everybody may read them.
func (w *watcher) watchFolders() error {
	var wanted []string
	for _, s := range w.steps {
		dir := filepath.Dir(s.path)
		wanted = append(wanted, dir)
		if err := w.kernel.Add(dir); err != nil && !s.folder {
			return fmt.Errorf("the folder %s can't be watched for changes: %w; it has to be readable for who runs the service", dir, err)
		}
	}
	for _, old := range w.kernel.WatchList() {
		if !slices.Contains(wanted, old) {
			_ = w.kernel.Remove(old) // fails if the folder is gone, and that is as well
		}
	}
	return nil
}
