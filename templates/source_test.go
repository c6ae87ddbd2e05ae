package templates

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// watched is a source whose complaints are kept.
type watched struct {
	*Source
	dir, file string
	said      []string
}

func watch(t *testing.T, files ...string) *watched {
	w := &watched{dir: folder(t, files...)}
	w.file = filepath.Join(w.dir, "zone-header.tmpl")
	w.Source = NewSource(w.dir, func(err error) { w.said = append(w.said, err.Error()) })
	return w
}

// expect asks twice: the second time nothing has changed.
func (w *watched) expect(t *testing.T, want string, said ...string) {
	t.Helper()
	for range 2 {
		if got := header(t, w.Current(), ZoneHeader{Zone: "auth.test"}); !strings.HasPrefix(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if !slices.EqualFunc(w.said, said, strings.Contains) {
		t.Errorf("%q, want %q", w.said, said)
	}
	w.said = nil
}

func TestSourceTakesUpWhatChanges(t *testing.T) {
	w := watch(t)
	w.expect(t, "; Zone auth.test")
	write(t, w.file, "; one\n")
	w.expect(t, "; one\n")
	if err := os.Rename(w.file, filepath.Join(w.dir, "away")); err != nil {
		t.Fatal(err)
	}
	w.expect(t, "; Zone auth.test")
	if err := os.Rename(filepath.Join(w.dir, "away"), w.file); err != nil {
		t.Fatal(err)
	}
	w.expect(t, "; one\n")
	// As long as before.
	write(t, w.file, "; two\n")
	later := time.Now().Add(time.Second)
	if err := os.Chtimes(w.file, later, later); err != nil {
		t.Fatal(err)
	}
	w.expect(t, "; two\n")
}

func TestSourceRefusesABrokenVersionAndSaysItOnce(t *testing.T) {
	w := watch(t, "zone-header.tmpl", "; one\n")
	w.expect(t, "; one\n")
	write(t, w.file, "; {{.Zone")
	w.expect(t, "; one\n", "zone-header.tmpl:1: unclosed action")
	write(t, w.file, "zone data\n")
	w.expect(t, "; one\n", "begin it with ';'")
	write(t, w.file, "; three\n")
	w.expect(t, "; three\n")
	write(t, filepath.Join(w.dir, "other.tmpl"), "")
	w.expect(t, "; three\n", "other.tmpl: there is no template of that name")
	// Not taken up: the folder as a whole isn't right.
	write(t, w.file, "; the fourth\n")
	w.expect(t, "; three\n")
	if err := os.Remove(filepath.Join(w.dir, "other.tmpl")); err != nil {
		t.Fatal(err)
	}
	w.expect(t, "; the fourth\n")
}

func TestSourceBeginsWithTheEmbeddedOnesWhereTheFolderIsBroken(t *testing.T) {
	w := watch(t, "zone-header.tmpl", "{{")
	w.expect(t, "; Zone auth.test", "zone-header.tmpl:1:")
}

// TestSourceTriesAgainWhatCouldNotBeRead: that a file may be read again doesn't show
// in its size or time.
func TestSourceTriesAgainWhatCouldNotBeRead(t *testing.T) {
	w := watch(t)
	elsewhere := filepath.Join(t.TempDir(), "missing")
	if err := os.Symlink(elsewhere, w.file); err != nil {
		t.Fatal(err)
	}
	w.expect(t, "; Zone auth.test", "no such file")
	write(t, elsewhere, "; one\n")
	w.expect(t, "; one\n")
}

func TestSourceIsSafeForManyGoroutines(t *testing.T) {
	dir := folder(t)
	file := filepath.Join(dir, "zone-header.tmpl")
	source := NewSource(dir, func(error) {})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for range 200 {
				if got := header(t, source.Current(), ZoneHeader{Zone: "auth.test"}); got != "" && got[0] != ';' {
					t.Errorf("%q", got)
				}
			}
		})
	}
	for i := range 100 {
		write(t, file, "; "+strings.Repeat("x", i)+[]string{"\n", "{{"}[i%2])
	}
	readers.Wait()
}

func BenchmarkCurrent(b *testing.B) {
	source := NewSource(folder(b, "zone-header.tmpl", "; one\n"), func(error) {})
	for b.Loop() {
		source.Current()
	}
}
