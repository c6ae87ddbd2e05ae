package audit

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// beWriter makes the test program one of several that share a log.
const beWriter = "ACMEZONE_TEST_AUDIT"

func TestMain(m *testing.M) {
	if path := os.Getenv(beWriter); path != "" {
		writeMany(path)
		return
	}
	goleak.VerifyTestMain(m)
}

const eachWrites = 500

func writeMany(path string) {
	l, err := Open(Options{Path: path, Database: path, Log: slog.Default()})
	if err != nil {
		panic(err)
	}
	for i := range eachWrites {
		l.Write(Entry{Event: "update", Result: OK, Value: strings.Repeat("x", i)})
	}
	if err := l.Close(); err != nil {
		panic(err)
	}
}

// TestProcessesShareALog: no line is torn or lost, whoever writes at the same time.
func TestProcessesShareALog(t *testing.T) {
	path := t.TempDir() + "/audit.log"
	const processes = 4
	var all []*exec.Cmd
	for range processes {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), fmt.Sprintf("%s=%s", beWriter, path))
		c.Stderr = os.Stderr
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	for _, c := range all {
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	}
	if lines := readLog(t, path); len(lines) != processes*eachWrites {
		t.Errorf("%d lines, want %d", len(lines), processes*eachWrites)
	}
}

// readLog returns the lines of a log, each of which has to be JSON.
func readLog(t *testing.T, path string) []map[string]any {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var lines []map[string]any
	for _, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		if line == "" {
			continue
		}
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		lines = append(lines, fields)
	}
	return lines
}
