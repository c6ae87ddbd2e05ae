package store

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// primaryCode returns SQLite's primary result code of an error, 0 if it has none.
func primaryCode(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

// transient reports whether the connection is sound after that error: the
// statement failed for want of room or because somebody else was writing, and a
// rollback puts everything right. Anything else, an I/O error above all, leaves
// in doubt what is on the disk: then the database is opened anew.
func transient(err error) bool {
	switch primaryCode(err) {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_CONSTRAINT:
		return true
	}
	return false
}

func isConstraint(err error) bool { return primaryCode(err) == sqlite3.SQLITE_CONSTRAINT }

// explain says in an operator's words what SQLite's code means.
func explain(path string, err error) error {
	if err == nil {
		return nil
	}
	hint := ""
	switch primaryCode(err) {
	case sqlite3.SQLITE_NOTADB:
		hint = "it is not a SQLite database: give store.path a new file"
	case sqlite3.SQLITE_CORRUPT:
		hint = "it is damaged: put a backup in its place"
	case sqlite3.SQLITE_FULL:
		hint = "the disk is full: free some room"
	case sqlite3.SQLITE_BUSY:
		hint = "another program is writing to it"
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN:
		hint = "it can't be opened for writing: look at the owner and mode of it, its folder and its -wal and -shm files"
	case sqlite3.SQLITE_IOERR:
		hint = "the disk reports an error: look at the system's log"
	}
	if hint == "" {
		return fmt.Errorf("the database %s: %w", path, err)
	}
	return fmt.Errorf("the database %s: %s (%w)", path, hint, err)
}
