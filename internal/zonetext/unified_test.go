package zonetext

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
)

// TestUnifiedIsTakenByGitAndPatch gives both real programs every change of the corpus.
func TestUnifiedIsTakenByGitAndPatch(t *testing.T) {
	for _, name := range corpusNames(t, corpus) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := load(t, copyOf(t, name), name)
			for _, file := range tree.Files() {
				old := file.Text()
				applies(t, "zones/my zone", old, file.WithSerial(serialOf(name)+1))
				applies(t, "zones/example.org", old, file.WithLine(added))
				applies(t, "zones/example.org", file.WithLine(added), old)
			}
		})
	}
}

func applies(t *testing.T, name string, old, changed []byte) {
	t.Helper()
	change := Unified(name, old, changed)
	if bytes.Equal(old, changed) {
		if change != nil {
			t.Errorf("a change where there is none:\n%s", change)
		}
		return
	}
	for _, program := range [][]string{{"git", "apply"}, {"patch", "-p1"}} {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "zones"), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), old)
		cmd := exec.Command(nsdtest.Program(t, program[0], program[0]), program[1:]...)
		cmd.Dir, cmd.Stdin = dir, bytes.NewReader(change)
		cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir), "GIT_CONFIG_GLOBAL=/dev/null")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%s\n%q", program, err, out, change)
			continue
		}
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, changed) {
			t.Errorf("%v made %q, %v", program, got, err)
		}
	}
}
