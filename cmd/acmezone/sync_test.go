package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// needProgram fails where a program is missing: a test that is passed over looks
// like one that has passed.
func needProgram(t testing.TB, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing: apt-get install %s", name, pkg)
	}
	return path
}

// TestSyncBeforeEach200 watches the system calls of the service: between a request
// and its answer the write-ahead log must have been written and synced. To be
// killed loses nothing even without that; a power cut would.
func TestSyncBeforeEach200(t *testing.T) {
	dir := t.TempDir()
	trace := filepath.Join(dir, "trace")
	p := start(t, writeTestConfig(t, dir),
		needProgram(t, "strace", "strace"), "-f", "-y", "-s", "40", "-o", trace, "-e", "trace=read,write,pwrite64,fsync,fdatasync")
	a, ok := p.register()
	if !ok {
		t.Fatal("not registered")
	}
	const updates = 10
	for range updates {
		if status := p.update(a, newValue()); status != http.StatusOK {
			t.Fatal(status)
		}
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	acknowledged, faults := checkSyncs(string(text))
	if acknowledged != updates+1 || len(faults) > 0 {
		t.Errorf("%d acknowledgements, want %d; unsynced: %q in:\n%s", acknowledged, updates+1, faults, text)
	}
}

var (
	requestSeen = regexp.MustCompile(`"POST /(register|update) `)
	walWritten  = regexp.MustCompile(`pwrite64\(\d+<[^>]*-wal>`)
	walSynced   = regexp.MustCompile(`(fsync|fdatasync)\(\d+<[^>]*-wal>.* = 0$`)
	syncBegun   = regexp.MustCompile(`^(\d+) +(fsync|fdatasync)\(\d+<[^>]*-wal> <unfinished`)
	syncEnded   = regexp.MustCompile(`^(\d+) +<\.\.\. (fsync|fdatasync) resumed>.* = 0$`)
	acked       = regexp.MustCompile(`write\(.*"HTTP/1\.1 20[01] `)
)

// checkSyncs goes through a trace of requests that came one after the other, and
// returns how many were acknowledged, and those answers that left too early.
func checkSyncs(trace string) (acknowledged int, early []string) {
	written, synced := false, false
	underway := make(map[string]bool) // threads in a sync of the log
	for line := range strings.SplitSeq(trace, "\n") {
		switch {
		case requestSeen.MatchString(line):
			written, synced = false, false
		case walWritten.MatchString(line):
			written, synced = true, false
		case syncBegun.MatchString(line):
			underway[syncBegun.FindStringSubmatch(line)[1]] = true
		case walSynced.MatchString(line):
			synced = written
		case syncEnded.MatchString(line):
			if thread := syncEnded.FindStringSubmatch(line)[1]; underway[thread] {
				delete(underway, thread)
				synced = written
			}
		case acked.MatchString(line):
			acknowledged++
			if !synced {
				early = append(early, line)
			}
		}
	}
	return acknowledged, early
}

// TestCheckSyncsSeesAMissingSync holds the check itself to account.
func TestCheckSyncsSeesAMissingSync(t *testing.T) {
	const request, write, sync, answer = `1 read(5<socket:[1]>, "POST /update HTTP/1.1"..., 4096) = 99`,
		`2 pwrite64(7</x/acmezone.db-wal>, "x", 24, 0) = 24`, `2 fdatasync(7</x/acmezone.db-wal>) = 0`,
		`1 write(5<socket:[1]>, "HTTP/1.1 200 OK"..., 99) = 99`
	for _, c := range []struct {
		lines []string
		bad   bool
	}{
		{[]string{request, write, sync, answer}, false},
		{[]string{request, write, answer}, true},
		{[]string{request, sync, write, answer}, true},
		{[]string{request, write, strings.Replace(sync, "= 0", "= -1 EIO (Input/output error) (INJECTED)", 1), answer}, true},
		{[]string{request, write, sync, answer, request, answer}, true},
	} {
		if _, early := checkSyncs(strings.Join(c.lines, "\n")); len(early) > 0 != c.bad {
			t.Errorf("%q for\n%s", early, strings.Join(c.lines, "\n"))
		}
	}
}

// databaseCalls are the system calls on the database, and how many of them the requests
// of a test are good for.
var databaseCalls = []struct {
	names string
	most  int
}{{"fdatasync,fsync", 8}, {"pwrite64", 24}, {"openat,ftruncate", 6}}

// TestDiskErrors has the n-th system call on the database fail, for each n, once
// and from then on: whatever was acknowledged must be there after reopening, and
// a service whose disk is well again takes updates again.
func TestDiskErrors(t *testing.T) {
	for _, call := range databaseCalls {
		for _, errno := range []string{"EIO", "ENOSPC"} {
			for n := 1; n <= call.most; n++ {
				failing(t, call.names, errno, n)
			}
		}
	}
}

// TestSomeDiskErrors are a few of them, for the race detector: it makes each take seconds.
func TestSomeDiskErrors(t *testing.T) {
	for _, call := range databaseCalls {
		failing(t, call.names, "EIO", call.most/2)
	}
}

// failing has the n-th of some system calls fail with that error, once and from then on.
func failing(t *testing.T, calls, errno string, n int) {
	strace := needProgram(t, "strace", "strace")
	for _, lasting := range []string{"", "+"} {
		inject := fmt.Sprintf("inject=%s:error=%s:when=%d%s", calls, errno, n, lasting)
		t.Run(inject, func(t *testing.T) {
			t.Parallel()
			diskError(t, lasting == "", strace, "-f", "-qq", "-e", "trace="+calls, "-e", inject)
		})
	}
}

func diskError(t *testing.T, once bool, strace ...string) {
	dir := t.TempDir()
	config := writeTestConfig(t, dir)
	if err := start(t, config).stop(); err != nil { // so that n counts from a database that is there
		t.Fatal(err)
	}
	db := filepath.Join(dir, "acmezone.db")
	trace := filepath.Join(dir, "trace")
	wrapper := append(strace, "-o", trace, "-P", db, "-P", db+"-wal", "-P", db+"-journal")
	known := &journal{last: make(map[string]string)}
	p, err := launch(t, config, wrapper...)
	if err == nil {
		for range 4 {
			work(p, known)
		}
		if once {
			eventually(t, "the service takes updates after a single error", func() bool { return work(p, known) })
			eventually(t, "healthy", func() bool { status, _ := p.health(); return status == http.StatusOK })
		}
		p.kill()
	} else if !strings.Contains(p.log.String(), "acmezone: ") || strings.Contains(p.log.String(), "goroutine ") {
		t.Errorf("it didn't start and doesn't say why:\n%s", p.log)
	}
	content, _ := os.ReadFile(trace)
	t.Logf("%d injected, %d acknowledged", strings.Count(string(content), "INJECTED"), known.acked)
	checkAcknowledged(t, start(t, config), known)
}

// work registers, sets a value, and reports whether both were acknowledged.
func work(p *process, known *journal) bool {
	a, ok := p.register()
	if !ok {
		return false
	}
	known.registered(a)
	txt := newValue()
	if p.update(a, txt) != http.StatusOK {
		return false
	}
	known.updated(a, txt)
	return true
}
