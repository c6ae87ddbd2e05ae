package acmedns

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// openSQLite opens the file read-only. Where SQLite would have to write to it or
// beside it, after a crash or with a write-ahead log, a copy is read.
func (s *Source) openSQLite(ctx context.Context, path string) error {
	wal, err := checkHeader(path)
	if err != nil {
		return err
	}
	if wal || exists(path+"-wal") {
		return s.openCopy(ctx, path)
	}
	s.db, err = openFile(path, "ro")
	if err == nil {
		err = s.findLayout(ctx)
	}
	if isBusy(err) {
		return fmt.Errorf("another program is writing to it: stop acme-dns, then import (%w)", err)
	}
	if !needsWriting(err) {
		return err
	}
	// acme-dns has ended in the middle of a transaction, which has to be taken back.
	if err := s.db.Close(); err != nil {
		return err
	}
	return s.openCopy(ctx, path)
}

// openFile opens a database; as "ro" it neither changes nor makes a file.
func openFile(path, mode string) (*sql.DB, error) {
	// The cache, in KiB, is what a million accounts are joined with their values in.
	values := url.Values{"mode": {mode}, "_busy_timeout": {"10000"}, "_pragma": {"cache_size(-65536)"}}
	if mode == "ro" {
		values.Set("_query_only", "1")
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+values.Encode())
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// needsWriting reports whether SQLite would have to write before it can read.
func needsWriting(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && slices.Contains([]int{sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}, e.Code()&0xff)
}

func isBusy(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_BUSY
}

// Offsets in the header of a SQLite file (https://sqlite.org/fileformat2.html).
const (
	magic         = "SQLite format 3\x00"
	atReadVersion = 19 // 2: with a write-ahead log
	atApplication = 68
	headerLength  = 100
	acmezones     = 0x61636d7a // what acmezone's own database has there
)

// checkHeader looks at the file before SQLite does, and reports whether it is used
// with a write-ahead log.
func checkHeader(path string) (wal bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return false, errors.Unwrap(err)
	}
	defer f.Close()
	header := make([]byte, headerLength)
	if _, err := io.ReadFull(f, header); err != nil || string(header[:len(magic)]) != magic {
		return false, errors.New("it is no SQLite database; SOURCE is one, a postgres:// URL, a .csv file or acme-dns' config.cfg")
	}
	if binary.BigEndian.Uint32(header[atApplication:]) == acmezones {
		return false, errors.New("it is a database of acmezone, not of acme-dns: 'acmezone restore' takes one")
	}
	return header[atReadVersion] == 2, nil
}

func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() > 0
}

// openCopy reads a copy of the database and of what a transaction left beside it.
func (s *Source) openCopy(ctx context.Context, path string) (err error) {
	if err := s.ownFolder(); err != nil {
		return err
	}
	before := state(path)
	for _, suffix := range []string{"", "-journal", "-wal"} {
		err := copyFile(path+suffix, filepath.Join(s.folder, "acme-dns.db"+suffix))
		if err != nil && (suffix == "" || !errors.Is(err, fs.ErrNotExist)) {
			return fmt.Errorf("copying it to %s: %w", s.folder, err)
		}
	}
	if state(path) != before {
		return errors.New("it is being written to: stop acme-dns, then import")
	}
	s.Notes = append(s.Notes, "a copy of "+path+" is read, since SQLite would have to write beside it")
	if s.db, err = openFile(filepath.Join(s.folder, "acme-dns.db"), "rw"); err != nil {
		return err
	}
	return s.findLayout(ctx)
}

// state is what changes when somebody writes to a database.
func state(path string) (all [3]struct {
	size int64
	at   time.Time
}) {
	for i, suffix := range []string{"", "-journal", "-wal"} {
		if info, err := os.Stat(path + suffix); err == nil {
			all[i].size, all[i].at = info.Size(), info.ModTime()
		}
	}
	return all
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
