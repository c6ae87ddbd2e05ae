package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// applicationID marks the file as ours ("acmz"), so that no other database is
// taken for one and written to.
const applicationID = 0x61636d7a

// migrations lead from one version of the schema to the next: the i-th makes
// version i+1. They only ever grow; one that has been released never changes.
var migrations = []string{
	`CREATE TABLE zone_state (
		id        INTEGER PRIMARY KEY CHECK (id = 1),
		name      TEXT    NOT NULL, -- the zone's name
		serial    INTEGER NOT NULL, -- of the newest committed data
		seq       INTEGER NOT NULL, -- of the newest value ever set
		heartbeat INTEGER NOT NULL DEFAULT 0
	) STRICT;
	CREATE TABLE accounts (
		username  TEXT    NOT NULL PRIMARY KEY,
		subdomain TEXT    NOT NULL UNIQUE,
		password  BLOB    NOT NULL, -- SHA-256
		allowfrom TEXT    NOT NULL, -- JSON array of networks
		created   INTEGER NOT NULL, -- Unix time
		updated   INTEGER NOT NULL, -- Unix time of the last update, 0 for none
		comment   TEXT    NOT NULL
	) STRICT, WITHOUT ROWID;
	CREATE TABLE retired ( -- names once given out, never to be given out again
		owner TEXT NOT NULL PRIMARY KEY
	) STRICT, WITHOUT ROWID;
	CREATE TABLE challenges (
		owner  TEXT    NOT NULL,
		txt    TEXT    NOT NULL,
		seq    INTEGER NOT NULL,
		set_at INTEGER NOT NULL, -- Unix time
		PRIMARY KEY (owner, txt)
	) STRICT, WITHOUT ROWID;
	CREATE TABLE tokens (
		id      TEXT    NOT NULL PRIMARY KEY,
		secret  BLOB    NOT NULL UNIQUE, -- SHA-256
		uses    INTEGER NOT NULL, -- left; negative for any number
		expires INTEGER NOT NULL, -- Unix time, 0 for never
		created INTEGER NOT NULL,
		comment TEXT    NOT NULL
	) STRICT, WITHOUT ROWID;`,

	`CREATE TABLE domains (
		domain   TEXT    NOT NULL PRIMARY KEY, -- A-labels, lower case, no dot at the end
		username TEXT    NOT NULL,
		token    TEXT    NOT NULL, -- the ID of the token whose the binding is, '' for the operator's
		bound    INTEGER NOT NULL
	) STRICT, WITHOUT ROWID;
	CREATE INDEX domains_username ON domains (username);
	CREATE INDEX domains_token ON domains (token) WHERE token <> '';
	CREATE TABLE passwords ( -- that are good beside an account's own
		username TEXT    NOT NULL,
		secret   BLOB    NOT NULL, -- SHA-256
		token    TEXT    NOT NULL, -- the ID of the token that it ends with, or ''
		expires  INTEGER NOT NULL, -- Unix time, 0 for never
		PRIMARY KEY (username, secret)
	) STRICT, WITHOUT ROWID;
	CREATE INDEX passwords_token ON passwords (token) WHERE token <> '';
	ALTER TABLE accounts ADD COLUMN token TEXT NOT NULL DEFAULT ''; -- the ID of the one that made it
	CREATE INDEX accounts_token ON accounts (token) WHERE token <> '';
	ALTER TABLE tokens ADD COLUMN quota INTEGER NOT NULL DEFAULT 0;
	ALTER TABLE tokens ADD COLUMN domains TEXT NOT NULL DEFAULT '[]'; -- JSON array of patterns
	ALTER TABLE tokens ADD COLUMN allowfrom TEXT NOT NULL DEFAULT '[]';`,
}

// migrate brings the database to the newest version, each step in a transaction
// of its own, after a copy of the file has been laid beside it.
func migrate(ctx context.Context, conn *sql.Conn, path string, steps []string) error {
	version, err := identify(ctx, conn)
	if err != nil {
		return err
	}
	if version > len(steps) {
		return newerSchema(version, len(steps))
	}
	if version > 0 && version < len(steps) {
		if err := copyBeforeMigration(ctx, conn, path, version); err != nil {
			return fmt.Errorf("copying it before the schema changes: %w", err)
		}
	}
	for ; version < len(steps); version++ {
		if err := step(ctx, conn, steps[version], version+1); err != nil {
			return fmt.Errorf("changing its schema to version %d: %w", version+1, err)
		}
	}
	return nil
}

func newerSchema(version, known int) error {
	return fmt.Errorf("it was written by a newer acmezone (schema %d, this one knows %d): use that one", version, known)
}

// identify returns the schema version, 0 for an empty file, and an error for a
// database that isn't ours.
func identify(ctx context.Context, conn *sql.Conn) (int, error) {
	var app, version, tables int
	err := errors.Join(
		conn.QueryRowContext(ctx, "PRAGMA application_id").Scan(&app),
		conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version),
		conn.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables),
	)
	switch {
	case err != nil:
		return 0, err
	case app == applicationID:
		return version, nil
	case tables == 0 && app == 0 && version == 0:
		return 0, nil
	}
	return 0, foreign(ctx, conn)
}

func foreign(ctx context.Context, conn *sql.Conn) error {
	var n int
	err := conn.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE name IN ('records', 'txt')").Scan(&n)
	if err == nil && n > 0 {
		return &foreignError{"acme-dns", ": 'acmezone import' takes one"}
	}
	return &foreignError{"some other program", ""}
}

// foreignError says whose a database is.
type foreignError struct{ program, otherUse string }

func (e *foreignError) Error() string { return e.what() + ": give store.path a new file" }

func (e *foreignError) what() string {
	return "it is a database of " + e.program + ", not of acmezone"
}

func step(ctx context.Context, conn *sql.Conn, statements string, version int) error {
	_, err := conn.ExecContext(ctx, fmt.Sprintf("BEGIN IMMEDIATE; %s; PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
		statements, applicationID, version))
	if err != nil {
		_, rollback := conn.ExecContext(ctx, "ROLLBACK")
		return errors.Join(err, rollback)
	}
	return nil
}

func copyBeforeMigration(ctx context.Context, conn *sql.Conn, path string, version int) error {
	target := fmt.Sprintf("%s.before-schema-%d", path, version+1)
	part := target + ".part"
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, "VACUUM INTO ?", part); err != nil {
		return errors.Join(err, os.RemoveAll(part))
	}
	if err := errors.Join(os.Chmod(part, 0o600), giveToFolderOwner(part), syncPath(part)); err != nil {
		return err
	}
	if err := os.Rename(part, target); err != nil {
		return err
	}
	return syncPath(filepath.Dir(path))
}

// syncPath brings a file or folder to the disk. It must never be called with the
// path of an open database: closing it would drop SQLite's locks.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
