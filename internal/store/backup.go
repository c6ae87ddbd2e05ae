package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
	sqlite3 "modernc.org/sqlite/lib"
)

// The ends of the names of what is made beside the database for a moment.
const (
	backupPart  = ".backup-part"
	restorePart = ".restore-part"
)

// Backup writes a copy of the database, as it is at one moment between two commits.
// Commits go on meanwhile. It is made beside the database first, and refused where that
// would take the room that commits need. Any goroutine may call it; a second one waits
// for the first.
func (s *Store) Backup(ctx context.Context, w io.Writer) error {
	s.backing.Lock()
	defer s.backing.Unlock()
	part := s.opts.Path + backupPart
	if err := removeDatabase(part); err != nil { // of a process that was killed
		return err
	}
	if err := s.vacuumInto(ctx, part); err != nil {
		return errors.Join(explain(s.opts.Path, err), removeDatabase(part))
	}
	f, err := os.Open(part)
	if err != nil {
		return errors.Join(err, removeDatabase(part))
	}
	// It goes with its descriptor, whatever becomes of this process.
	if err := removeDatabase(part); err != nil {
		return errors.Join(err, f.Close())
	}
	_, err = io.Copy(w, f)
	return errors.Join(err, f.Close())
}

// vacuumInto copies through a connection of its own, which may write elsewhere, and
// leaves what is there as it is.
func (s *Store) vacuumInto(ctx context.Context, target string) error {
	db, err := sql.Open("sqlite", dsn(s.opts.Path, url.Values{"mode": {"ro"}, "_busy_timeout": {"2000"}}))
	if err != nil {
		return err
	}
	defer db.Close()
	if err := enoughRoom(ctx, db, filepath.Dir(target)); err != nil {
		return err
	}
	// The file is made before, so that it is nobody else's to read.
	f, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", target)
	return err
}

// spareRoom is what a copy leaves free, in bytes: the write-ahead log grows to 4 MB in
// ordinary times.
const spareRoom = 16 << 20

// enoughRoom proves that a copy of the database leaves room for commits in the folder.
func enoughRoom(ctx context.Context, db *sql.DB, folder string) error {
	var pages, size int64
	err := errors.Join(
		db.QueryRowContext(ctx, "PRAGMA page_count").Scan(&pages),
		db.QueryRowContext(ctx, "PRAGMA page_size").Scan(&size),
	)
	if err != nil {
		return err
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(folder, &disk); err != nil {
		return nil // it is asked for caution's sake: the copy may fit
	}
	free, needed := int64(disk.Bavail)*int64(disk.Bsize), pages*size+spareRoom
	if free < needed {
		return fmt.Errorf("a copy is made beside it first, and that takes %d MB of which %d MB are free: free some room", (needed+1<<20-1)>>20, free>>20)
	}
	return nil
}

// removeParts removes what a process that was killed has left. Who holds the lock may.
func removeParts(path string) error {
	return errors.Join(removeDatabase(path+backupPart), removeDatabase(path+restorePart))
}

// removeDatabase removes a database that nobody has open, and what belongs to it.
func removeDatabase(path string) error {
	var errs []error
	for _, suffix := range []string{"", "-journal", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Facts are what is known of a database that isn't in use.
type Facts struct {
	Zone     string // its name, with the dot at the end
	Serial   uint32
	Accounts int
	Schema   int
}

// Verify proves that the file at path is a sound database of acmezone that this
// version understands. Nobody may have it open.
func Verify(ctx context.Context, path string) (Facts, error) {
	var facts Facts
	db, err := sql.Open("sqlite", dsn(path, url.Values{"mode": {"ro"}, "_query_only": {"1"}, "immutable": {"1"}}))
	if err != nil {
		return facts, err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err == nil {
		facts, err = verify(ctx, conn)
		err = errors.Join(unsound(err), conn.Close())
	}
	return facts, err
}

// unsound says what SQLite's error means of a file that should be a backup.
func unsound(err error) error {
	switch primaryCode(err) {
	case sqlite3.SQLITE_NOTADB:
		return errors.New("it is no SQLite database")
	case sqlite3.SQLITE_CORRUPT:
		return errors.New("it is damaged")
	}
	return err
}

func verify(ctx context.Context, conn *sql.Conn) (facts Facts, err error) {
	facts.Schema, err = identify(ctx, conn)
	if foreign, is := errors.AsType[*foreignError](err); is {
		err = errors.New(foreign.what() + foreign.otherUse)
	}
	if err != nil {
		return facts, err
	}
	if facts.Schema == 0 {
		return facts, errors.New("it is empty, no database of acmezone")
	}
	if facts.Schema > len(migrations) {
		return facts, newerSchema(facts.Schema, len(migrations))
	}
	var verdict string
	if err := conn.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		return facts, err
	}
	if verdict != "ok" {
		return facts, fmt.Errorf("it is damaged: %s", verdict)
	}
	err = conn.QueryRowContext(ctx, "SELECT name, serial, (SELECT count(*) FROM accounts) FROM zone_state WHERE id = 1").
		Scan(&facts.Zone, &facts.Serial, &facts.Accounts)
	if errors.Is(err, sql.ErrNoRows) {
		err = errors.New("it has no zone: the service never ran with it")
	}
	return facts, err
}
