package cert

import (
	"os"
	"path/filepath"
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
