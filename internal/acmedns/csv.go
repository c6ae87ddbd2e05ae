package acmedns

import (
	"context"
	"database/sql"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// table is one of acme-dns', with the columns that it must have to be it.
type table struct {
	name   string
	needed []string
}

var (
	recordsTable = table{"records", accountColumns[:3]}
	txtTable     = table{"txt", []string{"subdomain", "value", "lastupdate"}}
	versionTable = table{"acmedns", []string{"name", "value"}}
)

// openCSV reads what psql's \copy writes, with a header.
func (s *Source) openCSV(ctx context.Context, records string) error {
	if err := s.ownDatabase(ctx); err != nil {
		return err
	}
	if err := s.loadFile(ctx, records, recordsTable); err != nil {
		return err
	}
	values := filepath.Join(filepath.Dir(records), "txt.csv")
	err := s.loadFile(ctx, values, txtTable)
	if errors.Is(err, fs.ErrNotExist) {
		s.Notes = append(s.Notes, "there is no "+values+": no values are taken over")
		err = nil
	}
	if err != nil {
		return err
	}
	return s.findLayout(ctx)
}

// ownDatabase makes an empty database of our own: what is loaded into it is from there
// on like any other source, and takes no more memory.
func (s *Source) ownDatabase(ctx context.Context) (err error) {
	if err := s.ownFolder(); err != nil {
		return err
	}
	if s.db, err = openFile(filepath.Join(s.folder, "csv.db"), "rwc"); err != nil {
		return err
	}
	// Lost with the folder in any case: nothing has to be safe on the disk.
	_, err = s.db.ExecContext(ctx, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
	return err
}

func (s *Source) loadFile(ctx context.Context, path string, t table) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := s.load(ctx, f, t); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// load makes a table of CSV.
func (s *Source) load(ctx context.Context, from io.Reader, t table) error {
	r := csv.NewReader(from)
	r.ReuseRecord = true
	columns, err := csvHeader(r, t.needed)
	if err != nil {
		return err
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := s.fill(ctx, tx, r, t.name, columns); err != nil {
		return err
	}
	return tx.Commit()
}

// csvHeader returns the names of the columns, in lower case; others than acme-dns has
// are left out as "".
func csvHeader(r *csv.Reader, needed []string) ([]string, error) {
	header, err := r.Read()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err // such as a table that PostgreSQL doesn't let this user read
	}
	if err != nil {
		return nil, errors.New("it has no header: write it with \\copy TABLE TO 'FILE' CSV HEADER")
	}
	columns := make([]string, len(header))
	for i, name := range header {
		name = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")))
		if slices.Contains(knownColumns, name) && !slices.Contains(columns, name) {
			columns[i] = name
		}
	}
	for _, name := range needed {
		if !slices.Contains(columns, name) {
			return nil, fmt.Errorf("its header has no column %s: write it with \\copy TABLE TO 'FILE' CSV HEADER", name)
		}
	}
	return columns, nil
}

// fill inserts the lines; one with too many or too few fields is named and left out.
func (s *Source) fill(ctx context.Context, tx *sql.Tx, r *csv.Reader, table string, columns []string) error {
	named := slices.DeleteFunc(slices.Clone(columns), func(c string) bool { return c == "" })
	marks := strings.TrimSuffix(strings.Repeat("?, ", len(named)), ", ")
	if _, err := tx.ExecContext(ctx, "CREATE TABLE "+table+" ("+strings.Join(named, ", ")+")"); err != nil {
		return err
	}
	insert, err := tx.PrepareContext(ctx, "INSERT INTO "+table+" ("+strings.Join(named, ", ")+") VALUES ("+marks+")")
	if err != nil {
		return err
	}
	defer insert.Close()
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if errors.Is(err, csv.ErrFieldCount) {
			line, _ := r.FieldPos(0)
			s.odd = append(s.odd, fmt.Sprintf("line %d of %s is skipped: it has %d fields instead of %d", line, table, len(record), len(columns)))
			continue
		}
		if err != nil {
			return err
		}
		var fields []any
		for i, c := range columns {
			if c != "" {
				fields = append(fields, record[i])
			}
		}
		if _, err := insert.ExecContext(ctx, fields...); err != nil {
			return err
		}
	}
}
