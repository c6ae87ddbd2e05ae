package main

import (
	"bytes"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// TestBackupOfARunningService holds what was acknowledged before it, while clients go
// on; the service restored from it serves that, with a later serial.
func TestBackupOfARunningService(t *testing.T) {
	dir := t.TempDir()
	config := writeTestConfig(t, dir)
	p := start(t, config)
	known := &journal{last: make(map[string]string)}
	for range 5 {
		if !work(p, known) {
			t.Fatal("the service takes no updates")
		}
	}
	copied := filepath.Join(dir, "backup", "copy.db")
	if err := os.Mkdir(filepath.Dir(copied), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := command(t, "backup", copied, "--config", config); code != exitDone || errs != "" {
		t.Fatal(errs)
	}
	later, ok := p.register()
	if !ok {
		t.Fatal("not registered")
	}
	if _, errs, code := command(t, "restore", copied, "--config", config); code != exitFailed || !strings.Contains(errs, "is in use by another acmezone") {
		t.Errorf("restored under a running service: %d %s", code, errs)
	}
	serial := zone.Serial(p.serial())
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	out, errs, code := command(t, "restore", copied, "--config", config)
	if code != exitDone || !strings.Contains(errs, "1 accounts made since the backup are gone; their names are never given out again") {
		t.Fatalf("%s%s", out, errs)
	}
	p = start(t, config)
	if now := zone.Serial(p.serial()); !serial.Less(now) {
		t.Errorf("the serial is %d, was %d", now, serial)
	}
	checkAcknowledged(t, p, known)
	if status := p.update(later, newValue()); status != http.StatusUnauthorized {
		t.Errorf("an account that isn't in the backup: %d", status)
	}
}

// TestBackupOnAFullDisk leaves nothing there, and the service goes on.
func TestBackupOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	config := writeTestConfig(t, dir)
	source := filepath.Join(dir, "acme-dns.db")
	acmeDNS(t, source, 2000, 0)
	if _, errs, code := command(t, "import", source, "--config", config); code != exitDone {
		t.Fatal(errs)
	}
	for _, running := range []bool{false, true} {
		if running {
			start(t, config)
		}
		disk := filepath.Join(t.TempDir(), "disk")
		if err := os.Mkdir(disk, 0o700); err != nil {
			t.Fatal(err)
		}
		script := `mount -t tmpfs -o size=128k,mode=0700 tmpfs "$0" && "$1" backup "$0/copy.db" --config "$2"; echo "exit code $?"; ls -A "$0"`
		args := append(ownMounts(t), "sh", "-c", script, disk, os.Args[0], config)
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env = append(os.Environ(), beAcmezone+"=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if !strings.HasPrefix(string(out), "acmezone: no backup was made: ") || !strings.Contains(string(out), "no space left on device\nexit code 1\n") ||
			!strings.HasSuffix(string(out), "exit code 1\n") {
			t.Errorf("running %v: %s", running, out)
		}
	}
}

// TestBackupLeavesTheRoomThatUpdatesNeed: the copy that is made beside the database is
// refused where it would fill the disk that commits go to.
func TestBackupLeavesTheRoomThatUpdatesNeed(t *testing.T) {
	dir := t.TempDir()
	config := writeTestConfig(t, dir)
	disk := filepath.Join(dir, "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	script := `mount -t tmpfs -o size=12m,mode=0700 tmpfs "$0" && "$1" backup "$3" --config "$2"; echo "exit code $?"; ls -A "$0"`
	args := append(ownMounts(t), "sh", "-c", script, disk, os.Args[0], config, filepath.Join(dir, "copy.db"))
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), beAcmezone+"=1", "ACMEZONE_STORE_PATH="+filepath.Join(disk, "a.db"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := "acmezone: no backup was made: the database " + filepath.Join(disk, "a.db") +
		": a copy is made beside it first, and that takes 17 MB of which 11 MB are free: free some room\nexit code 1\na.db\na.db.lock\n"
	if string(out) != want {
		t.Errorf("%s, want %s", out, want)
	}
}

// TestKillDuringBackup leaves no file of the name that isn't whole, and what it leaves
// is no hindrance to the next one.
func TestKillDuringBackup(t *testing.T) {
	dir := t.TempDir()
	config := writeTestConfig(t, dir)
	source := filepath.Join(dir, "acme-dns.db")
	acmeDNS(t, source, 20_000, 0)
	if _, errs, code := command(t, "import", source, "--config", config); code != exitDone {
		t.Fatal(errs)
	}
	copied := filepath.Join(dir, "copy.db")
	for range crashRounds(t) / 2 {
		killAfter(t, time.Duration(10+mathrand.IntN(300))*time.Millisecond, "backup", copied, "--config", config)
		if _, err := os.Stat(copied); err == nil {
			out, err := exec.Command("sqlite3", copied, "pragma integrity_check; select count(*) from accounts").CombinedOutput()
			if err != nil || string(out) != "ok\n20000\n" {
				t.Fatalf("%v: %s", err, out)
			}
		}
		if _, errs, code := command(t, "backup", copied, "--force", "--config", config); code != exitDone {
			t.Fatal(errs)
		}
		if err := os.Remove(copied); err != nil {
			t.Fatal(err)
		}
		left, _ := filepath.Glob(filepath.Join(dir, "*part*"))
		if len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	}
}

// TestKillDuringRestore kills a restore at each of its steps on the files, one step
// later each time until it gets through: there is the old database or the new one,
// whole, and the serial never goes back. strace counts the steps of each thread by
// themselves, and which thread does one is chance; so the moment after the new database
// has taken the old one's place has a way of its own.
func TestKillDuringRestore(t *testing.T) {
	strace := needProgram(t, "strace", "strace")
	outcomes := make(map[string]int)
	for _, names := range []string{"/^link", "/^rename", "/^unlink", "fsync,fdatasync", "ftruncate"} {
		for n, killed := 1, true; killed; n++ {
			if n > 50 {
				t.Fatalf("%s: still killed at the %dth", names, n)
			}
			var restored bool
			inject := fmt.Sprintf("inject=%s:signal=KILL:when=%d", names, n)
			t.Run(inject, func(t *testing.T) {
				killed, restored = killedRestore(t, nil, strace, "-f", "-qq", "-o", filepath.Join(t.TempDir(), "trace"), "-e", "trace="+names, "-e", inject)
			})
			outcomes[fmt.Sprintf("killed %v, restored %v", killed, restored)]++
		}
	}
	t.Run("after the rename", func(t *testing.T) {
		killed, restored := killedRestore(t, renamed, strace, "-f", "-qq", "-o", os.DevNull, "-e", "trace=/^rename", "-e", "inject=/^rename:delay_exit=600000000")
		outcomes[fmt.Sprintf("killed %v, restored %v", killed, restored)]++
	})
	t.Log(outcomes)
	for _, outcome := range []string{"killed true, restored false", "killed true, restored true", "killed false, restored true"} {
		if outcomes[outcome] == 0 {
			t.Errorf("never: %s", outcome)
		}
	}
}

// renamed waits until a restore in that folder has put the new database in its place.
func renamed(t *testing.T, dir string) {
	t.Helper()
	eventually(t, "the new database is in its place", func() bool {
		_, before := os.Stat(filepath.Join(dir, "acmezone.db.before-restore"))
		_, part := os.Stat(filepath.Join(dir, "acmezone.db.restore-part"))
		return before == nil && os.IsNotExist(part)
	})
}

// killedRestore has strace kill a restore, or does so itself when during returns.
func killedRestore(t *testing.T, during func(t *testing.T, dir string), strace ...string) (killed, restored bool) {
	dir := t.TempDir()
	config := writeTestConfig(t, dir)
	p := start(t, config)
	old, ok := p.register()
	txt := newValue()
	if !ok || p.update(old, txt) != http.StatusOK {
		t.Fatal("the service takes no updates")
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	if _, errs, code := command(t, "backup", copied, "--config", config); code != exitDone {
		t.Fatal(errs)
	}
	young, ok := p.register()
	youngTXT := newValue()
	if !ok || p.update(young, youngTXT) != http.StatusOK {
		t.Fatal("the service takes no updates")
	}
	serial := zone.Serial(p.serial())
	p.kill() // so that a write-ahead log is left
	cmd := exec.Command(strace[0], append(strace[1:], os.Args[0], "restore", copied, "--config", config)...)
	cmd.Env = append(os.Environ(), beAcmezone+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if during != nil {
		during(t, dir)
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it is held up
	}
	killed = cmd.Wait() != nil

	p = start(t, config)
	now := zone.Serial(p.serial())
	if !now.Reached(serial) {
		t.Errorf("the serial is %d, was %d", now, serial)
	}
	if texts := p.texts(old.FullDomain); len(texts) != 1 || texts[0] != txt {
		t.Errorf("%q", texts)
	}
	restored = p.update(young, newValue()) == http.StatusUnauthorized
	if restored && !serial.Less(now) {
		t.Errorf("restored, and the serial is %d still", now)
	}
	if !restored && p.texts(young.FullDomain)[0] != youngTXT {
		t.Error("the old database has lost a value")
	}
	if !restored && !killed {
		t.Errorf("it got through and has restored nothing: %s", &out)
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := command(t, "restore", copied, "--config", config); code != exitDone {
		t.Fatal(errs)
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*part*"))
	if len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	checkIntegrity(t, dir)
	return killed, restored
}
