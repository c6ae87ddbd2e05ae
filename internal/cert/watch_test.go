package cert

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestFilesAreTakenUp has the ways in which certificates are renewed. Each brings
// version one, two, … to the folder live, from a folder of that version's name.
func TestFilesAreTakenUp(t *testing.T) {
	for name, install := range map[string]func(t *testing.T, dir, version string){
		"in place": func(t *testing.T, dir, version string) {
			copyPair(t, filepath.Join(dir, version), filepath.Join(dir, "live"), "")
		},
		"by renaming": func(t *testing.T, dir, version string) {
			live := filepath.Join(dir, "live")
			copyPair(t, filepath.Join(dir, version), live, ".new")
			for _, f := range []string{"cert.pem", "key.pem"} {
				rename(t, filepath.Join(live, f+".new"), filepath.Join(live, f))
			}
		},
		"by a link to the folder": func(t *testing.T, dir, version string) {
			relink(t, version, filepath.Join(dir, "live"))
		},
		"by links to the files, as certbot does": func(t *testing.T, dir, version string) {
			linkFiles(t, filepath.Join("..", version), filepath.Join(dir, "live"))
		},
		"by a link in between, as Kubernetes does": func(t *testing.T, dir, version string) {
			live := filepath.Join(dir, "live")
			relink(t, filepath.Join("..", version), filepath.Join(live, "..data"))
			if version == "one" {
				linkFiles(t, "..data", live)
			}
		},
		"behind links of the operator's own": func(t *testing.T, dir, version string) {
			linkFiles(t, filepath.Join("..", version), filepath.Join(dir, "certbot"))
			if version == "one" {
				linkFiles(t, filepath.Join(dir, "certbot"), filepath.Join(dir, "live"))
			}
		},
		"by renaming the folder": func(t *testing.T, dir, version string) {
			live := filepath.Join(dir, "live")
			copyPair(t, filepath.Join(dir, version), live+".new", "")
			if version != "one" {
				rename(t, live, filepath.Join(dir, "before-"+version))
			}
			rename(t, live+".new", live)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, version := range []string{"one", "two", "three"} {
				writePair(t, filepath.Join(dir, version), version+".test")
			}
			install(t, dir, "one")
			s := serve(t, filepath.Join(dir, "live"))
			for _, version := range []string{"two", "three"} {
				install(t, dir, version)
				s.waitFor(version + ".test")
			}
		})
	}
}

func copyPair(t *testing.T, from, to, suffix string) {
	t.Helper()
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"cert.pem", "key.pem"} {
		content, err := os.ReadFile(filepath.Join(from, f))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(to, f+suffix), content)
	}
}

func linkFiles(t *testing.T, target, dir string) {
	t.Helper()
	for _, f := range []string{"cert.pem", "key.pem"} {
		relink(t, filepath.Join(target, f), filepath.Join(dir, f))
	}
}

// TestFilesThatWereAway: a folder above them may go and come back.
func TestFilesThatWereAway(t *testing.T) {
	dir := t.TempDir()
	live := filepath.Join(dir, "deep", "live")
	writePair(t, live, "one.test")
	s := serve(t, live)
	s.waitFor("one.test")
	rename(t, filepath.Join(dir, "deep"), filepath.Join(dir, "away"))
	until(t, "a word on it", func() bool { return s.log.has("no such file") })
	writePair(t, live, "two.test")
	s.waitFor("two.test")
	writePair(t, live, "three.test")
	s.waitFor("three.test")
}

// TestABusyFolderPutsNothingOff writes to another file of the folder, as the
// database does, and touches the certificate itself, all the time.
func TestABusyFolderPutsNothingOff(t *testing.T) {
	dir := t.TempDir()
	writePair(t, dir, "one.test")
	s := serve(t, dir)
	s.waitFor("one.test")
	stop := keepBusy(t, dir)
	defer stop()
	writePair(t, dir, "two.test")
	s.waitFor("two.test")
}

func keepBusy(t *testing.T, dir string) (stop func()) {
	certFile, _ := pairIn(dir)
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for mode := os.FileMode(0o600); ; mode ^= 0o040 {
			if os.WriteFile(filepath.Join(dir, "acmezone.db-wal"), []byte("x"), 0o600) != nil || os.Chmod(certFile, mode) != nil {
				t.Error("the folder can't be kept busy")
				return
			}
			select {
			case <-done:
				return
			default:
			}
		}
	})
	return func() { close(done); running.Wait() }
}

// TestOtherFilesDontCount reads what the watcher would react to, rather than wait
// for what is not to come.
func TestOtherFilesDontCount(t *testing.T) {
	dir := t.TempDir()
	writePair(t, filepath.Join(dir, "live"), "one.test")
	certFile, keyFile := pairIn(filepath.Join(dir, "live"))
	w := watcher{files: []string{certFile, keyFile}}
	w.steps = w.trails()
	for path, want := range map[string]bool{
		certFile: true, keyFile: true, filepath.Join(dir, "live"): true, dir: true,
		filepath.Join(dir, "live", "acmezone.db"): false, filepath.Join(dir, "dead"): false,
	} {
		if w.concerns(path) != want {
			t.Errorf("%s: %t", path, !want)
		}
	}
}

func TestWatchCallsOnceAtItsBeginning(t *testing.T) {
	dir := t.TempDir()
	writePair(t, dir, "one.test")
	certFile, _ := pairIn(dir)
	ctx, cancel := context.WithCancel(context.Background())
	calls := 0
	err := Watch(ctx, []string{certFile}, slog.New(slog.NewTextHandler(io.Discard, nil)), func() { calls++; cancel() })
	if err != nil || calls != 1 {
		t.Error(calls, err)
	}
}

func TestTrailEndsInACircle(t *testing.T) {
	dir := t.TempDir()
	relink(t, "b", filepath.Join(dir, "a"))
	relink(t, "a", filepath.Join(dir, "b"))
	if steps := trail(filepath.Join(dir, "a")); len(steps) != maxSteps {
		t.Error(len(steps))
	}
}

func TestTrailFollowsLinksAsTheKernelDoes(t *testing.T) {
	dir := t.TempDir()
	writePair(t, filepath.Join(dir, "archive", "x"), "one.test")
	relink(t, filepath.Join("archive", "x"), filepath.Join(dir, "live"))
	// The folder above live is archive, where the link leads, not dir.
	file := filepath.Join(dir, "live") + "/../x/cert.pem"
	relink(t, file, filepath.Join(dir, "own.pem"))
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
