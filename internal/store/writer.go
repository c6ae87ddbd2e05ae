package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	"github.com/acmezone/acmezone/internal/zone"
)

// writer is the one connection that writes, its prepared statements and the file
// they belong to.
type writer struct {
	db         *sql.DB
	conn       *sql.Conn
	statements map[string]*sql.Stmt
	file       os.FileInfo
	wal        os.FileInfo    // nil until it was seen
	noted      map[string]use // by user name: uses that are in the database already
}

// use is when an account was last noted to be used.
type use struct {
	subdomain string
	at        int64 // Unix time
}

// openWriter opens the database for writing and recovers it: the schema is
// brought up to date and the write-ahead log is carried into the database and
// synced. So what a later commit builds on is on the disk, even if an earlier
// sync had failed and left the kernel's cache in doubt.
func openWriter(ctx context.Context, opts Options) (*writer, error) {
	db, conn, err := openConn(ctx, opts.Path)
	if err != nil {
		return nil, err
	}
	w := &writer{db: db, conn: conn, statements: make(map[string]*sql.Stmt), noted: make(map[string]use)}
	if err := w.recover(ctx, opts); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *writer) recover(ctx context.Context, opts Options) error {
	if err := migrate(ctx, w.conn, opts.Path, migrations); err != nil {
		return err
	}
	var busy, frames, done int
	if err := w.conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &done); err != nil {
		return err
	}
	if busy != 0 { // a reader, such as one that copies it, is no reason not to start
		opts.Log.Warn("another process reads the database: its write-ahead log is taken up later", "path", opts.Path)
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := giveToFolderOwner(opts.Path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	var err error
	w.file, err = os.Stat(opts.Path)
	return err
}

// close ends the connection. It may be called on nil.
func (w *writer) close() error {
	if w == nil {
		return nil
	}
	var errs []error
	for _, s := range w.statements {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, w.conn.Close(), w.db.Close())...)
}

// exec runs a statement, prepared at its first use, and returns how many rows it
// touched. The writer never takes a request's context: a cancelled statement
// would cost the connection.
func (w *writer) exec(statement string, args ...any) (int64, error) {
	s, err := w.prepared(statement)
	if err != nil {
		return 0, err
	}
	result, err := s.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (w *writer) prepared(statement string) (*sql.Stmt, error) {
	if s := w.statements[statement]; s != nil {
		return s, nil
	}
	s, err := w.conn.PrepareContext(context.Background(), statement)
	if err == nil {
		w.statements[statement] = s
	}
	return s, err
}

// queryRow scans the one row of a query.
func (w *writer) queryRow(statement string, args []any, into ...any) error {
	s, err := w.prepared(statement)
	if err != nil {
		return err
	}
	return s.QueryRowContext(context.Background(), args...).Scan(into...)
}

// replaced returns a file that was deleted or replaced while it was open, or "": what
// is committed to one that has no name any more would be gone after a restart. The
// write-ahead log counts as much as the database; it is there as soon as something was
// written.
func (w *writer) replaced(path string) string {
	if changed(path, w.file) {
		return path
	}
	if w.wal == nil {
		w.wal, _ = os.Stat(path + "-wal") // not there yet is as good
		return ""
	}
	if changed(path+"-wal", w.wal) {
		return path + "-wal"
	}
	return ""
}

func changed(path string, open os.FileInfo) bool {
	now, err := os.Stat(path)
	return errors.Is(err, os.ErrNotExist) || err == nil && !os.SameFile(now, open)
}

// load reads the zone's state and every live value.
func (w *writer) load(ctx context.Context, opts Options) (*zone.Snapshot, error) {
	serial, seq, err := w.loadState(opts)
	if err != nil {
		return nil, err
	}
	rows, err := w.conn.QueryContext(ctx, "SELECT owner, txt, seq, set_at FROM challenges")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	snap, err := collect(rows, zone.NewSnapshot(serial, seq))
	if err == nil && snap.Seq() != seq {
		err = fmt.Errorf("it holds a value of sequence %d beyond its own %d: it is damaged, put a backup in its place", snap.Seq(), seq)
	}
	return snap, err
}

// collectAtOnce bounds what an edit gathers while a big zone is loaded.
const collectAtOnce = 10_000

func collect(rows *sql.Rows, snap *zone.Snapshot) (*zone.Snapshot, error) {
	edit := snap.Edit()
	for n := 1; rows.Next(); n++ {
		var owner string
		var v zone.Value
		if err := rows.Scan(&owner, &v.Text, &v.Seq, &v.SetAt); err != nil {
			return nil, err
		}
		edit.Load(owner, v)
		if n%collectAtOnce == 0 {
			snap, _ = edit.Finish(snap.Serial())
			edit = snap.Edit()
		}
	}
	snap, _ = edit.Finish(snap.Serial())
	return snap, rows.Err()
}

func (w *writer) loadState(opts Options) (serial zone.Serial, seq uint64, err error) {
	first := opts.Policy.First(opts.Now())
	if _, err := w.exec("INSERT OR IGNORE INTO zone_state (id, name, serial, seq) VALUES (1, ?, ?, 0)", opts.Zone, first); err != nil {
		return 0, 0, err
	}
	var name string
	if err := w.queryRow("SELECT name, serial, seq FROM zone_state WHERE id = 1", nil, &name, &serial, &seq); err != nil {
		return 0, 0, err
	}
	if name != opts.Zone {
		opts.Log.Warn("the database was made for another zone: CNAMEs that point there are not served any more", "was", name, "now", opts.Zone)
		_, err = w.exec("UPDATE zone_state SET name = ? WHERE id = 1", opts.Zone)
	}
	return serial, seq, err
}
