package acmedns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// connectTime bounds how long a server may take to answer, unless the URL says.
const connectTime = 10 * time.Second

// openPostgres copies the tables as CSV, all as they are at one moment, in a session
// that can't write.
func (s *Source) openPostgres(ctx context.Context, address string) error {
	config, err := pgconn.ParseConfig(address)
	if err != nil {
		return errors.New("it can't be read; write it as postgres://USER:PASSWORD@HOST/DATABASE")
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTime
	}
	config.RuntimeParams["default_transaction_read_only"] = "on"
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("%w; psql with the same URL must get in", err)
	}
	err = s.copyTables(ctx, conn)
	return errors.Join(err, conn.Close(ctx))
}

func (s *Source) copyTables(ctx context.Context, conn *pgconn.PgConn) error {
	if err := s.ownDatabase(ctx); err != nil {
		return err
	}
	for _, table := range []table{recordsTable, txtTable, versionTable} {
		found, err := has(ctx, conn, table.name)
		if err == nil && found {
			err = s.copyTable(ctx, conn, table)
		}
		if err != nil {
			return err
		}
	}
	return s.findLayout(ctx)
}

// has begins the transaction, if none is under way, and looks for a table.
func has(ctx context.Context, conn *pgconn.PgConn, table string) (bool, error) {
	if conn.TxStatus() == 'I' {
		if _, err := conn.Exec(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").ReadAll(); err != nil {
			return false, err
		}
	}
	result := conn.ExecParams(ctx, "SELECT to_regclass($1) IS NOT NULL", [][]byte{[]byte(table)}, nil, nil, nil).Read()
	if result.Err != nil {
		return false, result.Err
	}
	return string(result.Rows[0][0]) == "t", nil
}

func (s *Source) copyTable(ctx context.Context, conn *pgconn.PgConn, t table) error {
	from, to := io.Pipe()
	copied := make(chan error, 1)
	go func() {
		_, err := conn.CopyTo(ctx, to, "COPY "+t.name+" TO STDOUT (FORMAT csv, HEADER)")
		_ = to.CloseWithError(err) // it never fails
		copied <- err
	}()
	err := s.load(ctx, from, t)
	_ = from.CloseWithError(err) // so that the copy ends, if it hasn't
	if failed := <-copied; failed != nil && err == nil {
		err = failed
	}
	return err
}
