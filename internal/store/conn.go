package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// dsn writes a data source name. The path is escaped by hand: url.URL would make
// a host of a relative one.
func dsn(path string, values url.Values) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + values.Encode()
}

// openConn opens the writer's connection and proves that it is set up as asked:
// an older driver ignored such settings in silence.
func openConn(ctx context.Context, path string) (*sql.DB, *sql.Conn, error) {
	db, err := sql.Open("sqlite", dsn(path, url.Values{
		"_busy_timeout": {"2000"}, "_synchronous": {"FULL"}, "_foreign_keys": {"1"},
		"_defensive": {"1"}, "_dqs": {"0"}, "mode": {"rw"},
		"_pragma": {"journal_size_limit(67108864)", "temp_store(MEMORY)", "cache_size(-1024)"},
	}))
	if err != nil {
		return nil, nil, err
	}
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	if err := prepareConn(ctx, conn); err != nil {
		return nil, nil, errors.Join(err, conn.Close(), db.Close())
	}
	return db, conn, nil
}

// prepareConn turns on the write-ahead log, but only in a database that is ours:
// the setting is written into the file.
func prepareConn(ctx context.Context, conn *sql.Conn) error {
	if _, err := identify(ctx, conn); err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, "PRAGMA journal_mode = WAL"); err != nil {
		return err
	}
	return assertPragmas(ctx, conn)
}

func assertPragmas(ctx context.Context, conn *sql.Conn) error {
	for _, p := range []struct{ name, want string }{
		{"journal_mode", "wal"}, {"synchronous", "2"}, {"foreign_keys", "1"},
	} {
		var got string
		if err := conn.QueryRowContext(ctx, "PRAGMA "+p.name).Scan(&got); err != nil {
			return err
		}
		if got != p.want {
			return fmt.Errorf("SQLite's %s is %s there instead of %s, without which updates could be lost: use a local file system", p.name, got, p.want)
		}
	}
	return nil
}

// The page caches are small, in KiB: the kernel keeps the file's pages anyway, and
// what the service takes must not grow with the registrations.
//
// readerConns is how many look-ups run at once; more than the machine has cores
// would only wait for each other.
const readerConns = 4

func openReaders(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", dsn(path, url.Values{
		"mode": {"ro"}, "_query_only": {"1"}, "_busy_timeout": {"2000"}, "_dqs": {"0"},
		"_pragma": {"cache_size(-256)"},
	}))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(readerConns)
	db.SetMaxIdleConns(readerConns)
	return db, nil
}
