package watch

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// write makes an empty file, and the folders on its way.
func write(t *testing.T, path ...string) string {
	t.Helper()
	file := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

// TestOtherFilesDontCount reads what the watcher would react to, rather than wait
// for what is not to come.
func TestOtherFilesDontCount(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := write(t, dir, "live", "cert.pem"), write(t, dir, "live", "key.pem")
	w := watcher{files: []string{certFile, keyFile}}
	w.steps = w.trails()
	inRoot := w.steps[0].path
	for path, want := range map[string]bool{
		certFile: true, keyFile: true, filepath.Join(dir, "live"): true, dir: true,
		filepath.Join(dir, "live", "acmezone.db"): false, filepath.Join(dir, "dead"): false,
		inRoot: true, "/" + inRoot: true, // as fsnotify has it
	} {
		if w.concerns(path) != want {
			t.Errorf("%s: %t", path, !want)
		}
	}
}

func TestWatchCallsOnceAtItsBeginning(t *testing.T) {
	dir := t.TempDir()
	file := write(t, dir, "acmezone.toml")
	ctx, cancel := context.WithCancel(context.Background())
	calls := 0
	err := Files(ctx, []string{file}, slog.New(slog.NewTextHandler(io.Discard, nil)), func() { calls++; cancel() })
	if err != nil || calls != 1 {
		t.Error(calls, err)
	}
}

func TestTrailEndsInACircle(t *testing.T) {
	dir := t.TempDir()
	link(t, "b", filepath.Join(dir, "a"))
	link(t, "a", filepath.Join(dir, "b"))
	if steps := trail(filepath.Join(dir, "a")); len(steps) != maxSteps {
		t.Error(len(steps))
	}
}

func TestTrailFollowsLinksAsTheKernelDoes(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "archive", "x", "cert.pem")
	link(t, filepath.Join("archive", "x"), filepath.Join(dir, "live"))
	// The folder above live is archive, where the link leads, not dir.
	file := filepath.Join(dir, "live") + "/../x/cert.pem"
	link(t, file, filepath.Join(dir, "own.pem"))
	want, err := filepath.EvalSymlinks(filepath.Join(dir, "own.pem"))
	if err != nil {
		t.Fatal(err)
	}
	steps := trail(filepath.Join(dir, "own.pem"))
	var paths []string
	for _, s := range steps {
		paths = append(paths, s.path)
	}
	if last := paths[len(paths)-1]; last != want {
		t.Errorf("%s, want %s, by way of\n%s", last, want, strings.Join(paths, "\n"))
	}
}
