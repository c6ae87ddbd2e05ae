package audit

import (
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// beInside is set where a test may mount what nobody else sees.
const beInside = "ACMEZONE_TEST_INSIDE"

// TestFullDisk fills a small file system, and gives it room again: no more than one line
// is torn, and the lines after it are whole.
func TestFullDisk(t *testing.T) {
	if os.Getenv(beInside) == "" {
		runInside(t)
		return
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	defer syscall.Unmount(dir, 0)
	ballast, path := filepath.Join(dir, "ballast"), filepath.Join(dir, "audit.log")
	if err := os.WriteFile(ballast, make([]byte, 48<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := Open(Options{Path: path, Database: path, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	entry := Entry{Event: "update", Result: OK, Value: strings.Repeat("x", 43)}
	for range 1000 {
		l.Write(entry)
	}
	if l.Fault() == nil {
		t.Fatal("the disk is not full")
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		l.Write(entry)
	}
	if err := l.Fault(); err != nil {
		t.Error(err)
	}
	checkWhole(t, path, l.Stats())
}

// checkWhole counts the lines that are JSON.
func checkWhole(t *testing.T, path string, stats Stats) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	whole, torn := 0, 0
	for line := range strings.Lines(string(text)) {
		if json.Valid([]byte(line)) {
			whole++
		} else {
			torn++
		}
	}
	if torn > 1 || uint64(whole) != stats.Written || stats.Written+stats.Failed != 1010 {
		t.Errorf("%d whole lines, %d torn; %+v", whole, torn, stats)
	}
}

func runInside(t *testing.T) {
	t.Helper()
	args := []string{"--mount"}
	if os.Geteuid() != 0 {
		args = append(args, "--user", "--map-root-user")
	}
	cmd := exec.Command("unshare", append(args, os.Args[0], "-test.run=^"+t.Name()+"$")...)
	cmd.Env = append(os.Environ(), beInside+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v (apt install util-linux, if there is no unshare): %s", err, out)
	}
}
