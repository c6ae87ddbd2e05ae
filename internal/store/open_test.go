package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/acmezone/acmezone/internal/zone"
)

var loopback = netip.MustParseAddr("127.0.0.1")

func TestOpenRefuses(t *testing.T) {
	write := func(content string) func(string) error {
		return func(path string) error { return os.WriteFile(path, []byte(content), 0o600) }
	}
	sqlite := func(statement string) func(string) error {
		return func(path string) error { return execute(path, statement) }
	}
	for what, c := range map[string]struct {
		prepare func(path string) error
		say     string
	}{
		"no database":        {write(strings.Repeat("this is no database ", 100)), "not a SQLite database"},
		"foreign":            {sqlite("CREATE TABLE photos (id)"), "some other program"},
		"acme-dns":           {sqlite("CREATE TABLE records (a); CREATE TABLE txt (b)"), "acme-dns"},
		"a newer schema":     {sqlite(fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = 99", applicationID)), "newer acmezone"},
		"a folder":           {func(path string) error { return os.Mkdir(path, 0o700) }, "not a regular file"},
		"no folder":          {func(path string) error { return os.Remove(filepath.Dir(path)) }, "does not exist"},
		"everybody's folder": {func(path string) error { return os.Chmod(filepath.Dir(path), 0o777) }, "mode 0777"},
		"everybody's file": {func(path string) error {
			return errors.Join(os.WriteFile(path, nil, 0o600), os.Chmod(path, 0o666))
		}, "mode 0666"},
	} {
		t.Run(what, func(t *testing.T) {
			opts := options(t, newClock())
			if err := c.prepare(opts.Path); err != nil {
				t.Fatal(err)
			}
			s, err := Open(context.Background(), opts)
			if err == nil {
				s.Close()
				t.Fatal("opened")
			}
			if msg := err.Error(); !strings.Contains(msg, c.say) || strings.Contains(msg, "\n") || !strings.Contains(msg, filepath.Dir(opts.Path)) {
				t.Errorf("%s\n  want %q and the path, in one line", msg, c.say)
			}
		})
	}
}

func TestForeignDatabaseIsLeftAsItWas(t *testing.T) {
	opts := options(t, newClock())
	if err := execute(opts.Path, "CREATE TABLE photos (id); INSERT INTO photos VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(opts.Path)
	if _, err := Open(context.Background(), opts); err == nil {
		t.Fatal("opened")
	}
	if after, _ := os.ReadFile(opts.Path); !bytes.Equal(before, after) {
		t.Error("a foreign database was changed")
	}
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	s := mustOpen(t, options(t, newClock()))
	do(t, s, one(zone.Heartbeat{}))
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		info, err := os.Stat(s.opts.Path + suffix)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", suffix, info, err)
		}
	}
}

// Only root can give files away, so for others there is nothing to be tested: CI
// runs as root.
func TestFilesKeepTheFoldersOwner(t *testing.T) {
	if os.Geteuid() != 0 && os.Getenv("CI") != "" {
		t.Fatal("CI must run this as root, or nothing is tested")
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	const somebody = 4711
	opts := options(t, newClock())
	if err := os.Chown(filepath.Dir(opts.Path), somebody, somebody); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, opts)
	do(t, s, one(zone.Heartbeat{}))
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		info, err := os.Stat(opts.Path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if uid := info.Sys().(*syscall.Stat_t).Uid; uid != somebody {
			t.Errorf("%s belongs to %d", suffix, uid)
		}
	}
}

func TestMigrationLeavesACopy(t *testing.T) {
	opts := options(t, newClock())
	s := mustOpen(t, opts)
	do(t, s, []zone.Change{zone.Register{Account: account("a")}, set("a", "1")})
	next := append(append([]string(nil), migrations...), "ALTER TABLE accounts ADD COLUMN colour TEXT; CREATE TABLE more (id)")
	if err := migrate(context.Background(), s.writer.conn, opts.Path, next); err != nil {
		t.Fatal(err)
	}
	version, err := identify(context.Background(), s.writer.conn)
	if version != len(next) || err != nil {
		t.Errorf("version %d, %v", version, err)
	}
	copied := opts
	copied.Path = fmt.Sprintf("%s.before-schema-%d", opts.Path, len(next))
	old := mustOpen(t, copied)
	if got := texts(old.Snapshot(), "a"); len(got) != 1 {
		t.Errorf("the copy holds %v", got)
	}
}

func TestFailedMigrationChangesNothing(t *testing.T) {
	opts := options(t, newClock())
	s := mustOpen(t, opts)
	next := append(append([]string(nil), migrations...), "CREATE TABLE more (id); CREATE TABLE more (id)")
	if err := migrate(context.Background(), s.writer.conn, opts.Path, next); err == nil {
		t.Fatal("no error")
	}
	do(t, s, one(zone.Register{Account: account("a")}))
	var n int
	if err := s.writer.queryRow("SELECT count(*) FROM sqlite_schema WHERE name = ?", []any{"more"}, &n); err != nil || n != 0 {
		t.Errorf("half a migration is there: %d, %v", n, err)
	}
	mustOpenAgain := reopen(t, s)
	if _, err := mustOpenAgain.Account(context.Background(), "user-a"); err != nil {
		t.Error(err)
	}
}
