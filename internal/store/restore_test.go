package store

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// backupOf makes a backup and returns its path.
func backupOf(t testing.TB, s *Store) string {
	t.Helper()
	var copied bytes.Buffer
	if err := s.Backup(context.Background(), &copied); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "backup.db")
	if err := os.WriteFile(path, copied.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func mustRestore(t testing.TB, opts Options, file string, force bool) Restored {
	t.Helper()
	done, err := Restore(context.Background(), opts, file, force)
	if err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(opts.Path + "*part*")
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
	return done
}

// TestStartRemovesWhatAKilledBackupHasLeft: a copy of every account has no business
// there, and takes room.
func TestStartRemovesWhatAKilledBackupHasLeft(t *testing.T) {
	s := mustOpen(t, options(t, newClock()))
	for _, part := range []string{backupPart, restorePart} {
		for _, suffix := range []string{"", "-journal"} {
			if err := os.WriteFile(s.opts.Path+part+suffix, []byte("left"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	s = reopen(t, s)
	if left, err := filepath.Glob(s.opts.Path + "*part*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

// TestBackupWhileUpdatesGoOn: each copy is sound and holds, of changes that belong
// together, both or neither.
func TestBackupWhileUpdatesGoOn(t *testing.T) {
	s := mustOpen(t, options(t, newClock()))
	do(t, s, []zone.Change{zone.Register{Account: account("a")}, zone.Register{Account: account("b")}})
	stop := make(chan struct{})
	var updating sync.WaitGroup
	updating.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
				text := strings.Repeat(string(rune('a'+n%26)), 43)
				s.Commit([]zone.Change{set("a", text), set("b", text)})
			}
		}
	})
	for range 10 {
		path := backupOf(t, s)
		facts, err := Verify(context.Background(), path)
		if err != nil || facts.Accounts != 2 || facts.Zone != "auth.test." {
			t.Fatalf("%+v, %v", facts, err)
		}
		opts := s.opts
		opts.Path = path
		copied := mustOpen(t, opts)
		a, b := texts(copied.Snapshot(), "a"), texts(copied.Snapshot(), "b")
		if strings.Join(a, " ") != strings.Join(b, " ") {
			t.Errorf("%q beside %q", a, b)
		}
		if copied.Snapshot().Serial() != zone.Serial(facts.Serial) {
			t.Errorf("serial %d, verified %d", copied.Snapshot().Serial(), facts.Serial)
		}
	}
	close(stop)
	updating.Wait()
	left, _ := filepath.Glob(s.opts.Path + "*part*")
	if len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestRestoreForgetsNoNameAndNeverSetsTheSerialBack(t *testing.T) {
	c := newClock()
	s := mustOpen(t, options(t, c))
	do(t, s, []zone.Change{
		zone.Register{Account: account("old")}, zone.Register{Account: account("removed")}, set("old", "1"),
		zone.CreateToken{Token: zone.Token{ID: "revoked", Secret: zone.SecretOf("t"), Uses: -1}},
	})
	backup := backupOf(t, s)
	for range 5 {
		c.t = c.t.Add(time.Hour)
		do(t, s, []zone.Change{set("old", c.t.String())})
	}
	do(t, s, []zone.Change{
		zone.Register{Account: account("new")}, zone.Register{Account: account("short")},
		zone.RotatePassword{Username: "user-old", Password: zone.SecretOf("other")},
		zone.RemoveAccount{Username: "user-short"}, zone.RemoveAccount{Username: "user-removed"}, zone.RevokeToken{ID: "revoked"},
	})
	before := s.Snapshot().Serial()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	c.t = c.t.Add(-24 * time.Hour) // a clock that was set back
	done := mustRestore(t, s.opts, backup, false)
	if done.Retired != 1 || done.Returned != 1 || done.Tokens != 1 || done.Rotated != 1 || done.Accounts != 2 || done.Unread != nil {
		t.Errorf("%+v", done)
	}
	kept, err := Verify(context.Background(), done.Kept)
	if err != nil || done.Kept != s.opts.Path+".before-restore" || kept.Accounts != 2 || zone.Serial(kept.Serial) != before {
		t.Errorf("%s: %+v, %v", done.Kept, kept, err)
	}
	s = mustOpen(t, s.opts)
	if now := s.Snapshot().Serial(); !before.Less(now) || uint32(now) != done.Serial {
		t.Errorf("the serial is %d, was %d; said %d", now, before, done.Serial)
	}
	if got := texts(s.Snapshot(), "old"); len(got) != 1 || got[0] != "1" {
		t.Errorf("%q", got)
	}
	for _, name := range []string{"new", "short", "removed"} {
		do(t, s, one(zone.Register{Account: zone.Account{Username: "somebody else", Subdomain: name}}), zone.ErrTaken)
	}
	if _, err := s.Account(context.Background(), "user-new"); !errors.Is(err, zone.ErrNoAccount) {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if again := mustRestore(t, s.opts, backup, false); again.Kept != s.opts.Path+".before-restore-2" || again.Serial <= done.Serial {
		t.Errorf("%+v after %+v", again, done)
	}
}

func TestRestoreWhereThereIsNothing(t *testing.T) {
	s := mustOpen(t, options(t, newClock()))
	do(t, s, one(zone.Register{Account: account("a")}))
	backup := backupOf(t, s)
	opts := options(t, newClock())
	if err := os.WriteFile(opts.Path+"-wal", []byte("of a database that was deleted"), 0o600); err != nil {
		t.Fatal(err)
	}
	if done := mustRestore(t, opts, backup, false); done.Kept != "" || done.Accounts != 1 {
		t.Errorf("%+v", done)
	}
	if _, err := mustOpen(t, opts).Account(context.Background(), "user-a"); err != nil {
		t.Error(err)
	}
}

// TestRestoreOverWhatCantBeRead: the damaged database is kept with its log, and the
// serial still moves on from the backup's.
func TestRestoreOverWhatCantBeRead(t *testing.T) {
	for what, damage := range map[string]func(t *testing.T, path string){
		"no database": func(t *testing.T, path string) { overwrite(t, path, 0, 4096) },
		"some pages":  func(t *testing.T, path string) { overwrite(t, path, 4096, 20*4096) },
		"empty":       func(t *testing.T, path string) { os.Truncate(path, 0) },
	} {
		t.Run(what, func(t *testing.T) {
			s := mustOpen(t, options(t, newClock()))
			do(t, s, []zone.Change{zone.Register{Account: account("a")}, set("a", "1")})
			backup := backupOf(t, s)
			serial := s.Snapshot().Serial()
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			damage(t, s.opts.Path)
			overwrite(t, s.opts.Path+"-wal", 0, 100)
			damaged, err := os.ReadFile(s.opts.Path)
			if err != nil {
				t.Fatal(err)
			}
			done := mustRestore(t, s.opts, backup, false)
			if done.Unread == nil {
				t.Error("nobody is told that the database couldn't be read")
			}
			if kept, err := os.ReadFile(done.Kept); err != nil || !bytes.Equal(kept, damaged) {
				t.Errorf("the damaged database isn't kept: %v", err)
			}
			s = mustOpen(t, s.opts)
			if !serial.Less(s.Snapshot().Serial()) || len(texts(s.Snapshot(), "a")) != 1 {
				t.Errorf("serial %d, was %d", s.Snapshot().Serial(), serial)
			}
		})
	}
}

func overwrite(t *testing.T, path string, from, length int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(bytes.Repeat([]byte("damaged "), length/8), int64(from)); err != nil {
		t.Fatal(err)
	}
}

func TestRestoreRefuses(t *testing.T) {
	ctx := context.Background()
	s := mustOpen(t, options(t, newClock()))
	do(t, s, one(zone.Register{Account: account("a")}))
	backup := backupOf(t, s)
	if _, err := Restore(ctx, s.opts, backup, true); !errors.As(err, new(*LockedError)) {
		t.Errorf("while the database is in use: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text, torn, withLog := filepath.Join(dir, "text"), filepath.Join(dir, "torn"), filepath.Join(dir, "log")
	content, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string][]byte{
		text: []byte("hello"), torn: content[:len(content)-4096], withLog: content, withLog + "-wal": []byte("x"),
	} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	newer := filepath.Join(dir, "newer")
	if err := os.WriteFile(newer, content, 0o600); err != nil {
		t.Fatal(err)
	}
	patch(t, newer, 60, []byte{0, 0, 0, 99}) // user_version
	foreign := filepath.Join(dir, "foreign")
	if err := os.WriteFile(foreign, content, 0o600); err != nil {
		t.Fatal(err)
	}
	patch(t, foreign, 68, []byte{0, 0, 0, 0}) // application_id
	other := s.opts
	other.Zone = "other.test."
	before, err := os.ReadFile(s.opts.Path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		opts       Options
		file, want string
	}{
		{s.opts, filepath.Join(dir, "none"), "no such file"},
		{s.opts, text, "it is no SQLite database"},
		{s.opts, torn, "damaged"},
		{s.opts, withLog, "it isn't whole without"},
		{s.opts, newer, "it was written by a newer acmezone (schema 99"},
		{s.opts, foreign, "it is a database of some other program"},
		{s.opts, s.opts.Path, "it is the database itself"},
		{other, backup, "holds the zone auth.test, and zone.name is other.test: --force"},
	} {
		_, err := Restore(ctx, c.opts, c.file, false)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.file, err, c.want)
		}
	}
	after, err := os.ReadFile(s.opts.Path)
	if err != nil || !bytes.Equal(before, after) {
		t.Error("a refusal has changed the database")
	}
	left, _ := filepath.Glob(s.opts.Path + "*")
	if len(left) != 2 { // it and its lock
		t.Errorf("left behind: %q", left)
	}
	if done := mustRestore(t, other, backup, true); done.Accounts != 1 {
		t.Errorf("%+v", done)
	}
}

func patch(t *testing.T, path string, at int64, bytes []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(bytes, at); err != nil {
		t.Fatal(err)
	}
}
