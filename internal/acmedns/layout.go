package acmedns

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// accountColumns are those of the table records in every version; very old ones
// have no AllowFrom, though.
var accountColumns = []string{"username", "password", "subdomain", "allowfrom"}

// knownColumns are all that any version has. Before version 1 the one value of an
// account stood in records, as Value and LastActive.
var knownColumns = append([]string{"name", "value", "lastactive", "lastupdate"}, accountColumns...)

// newestVersion is the latest db_version that is known, of acme-dns 0.8 to 2.0.
const newestVersion = "1"

// layout says which columns a database has.
type layout struct {
	records []string
	txt     bool // there is a table of values
}

// findLayout looks at the tables, whichever version of acme-dns made them.
func (s *Source) findLayout(ctx context.Context) error {
	columns, err := s.columns(ctx, "records")
	if err != nil {
		if needsWriting(err) || !noTable(err) {
			return err
		}
		return errors.New("it holds no table 'records': it is no database of acme-dns")
	}
	for _, name := range accountColumns[:3] {
		if !slices.Contains(columns, name) {
			return fmt.Errorf("its table 'records' has no column %s: it is no database of acme-dns", name)
		}
	}
	s.layout = layout{records: columns}
	if _, err := s.columns(ctx, "txt"); err == nil {
		s.layout.txt = true
	} else if !noTable(err) {
		return err
	}
	return s.checkVersion(ctx)
}

func (s *Source) columns(ctx context.Context, table string) ([]string, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT * FROM "+table+" LIMIT 0")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	for i := range names {
		names[i] = strings.ToLower(names[i])
	}
	return names, errors.Join(err, rows.Err())
}

func noTable(err error) bool { return strings.Contains(err.Error(), "no such table") }

// checkVersion refuses a database of a later acme-dns than is known: its columns may
// mean something else.
func (s *Source) checkVersion(ctx context.Context) error {
	var version string
	err := s.db.QueryRowContext(ctx, "SELECT Value FROM acmedns WHERE Name = 'db_version'").Scan(&version)
	switch {
	case errors.Is(err, sql.ErrNoRows), err != nil && noTable(err), err == nil && version <= newestVersion:
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("its db_version is %q, and the latest that is known is %s: export it as CSV instead", version, newestVersion)
}

// query returns every account with its values, one row for each value, those of an
// account one after the other.
func (l layout) query() string {
	allowFrom := "r.AllowFrom"
	if !slices.Contains(l.records, "allowfrom") {
		allowFrom = "NULL"
	}
	value, from := "NULL, NULL", "records r"
	switch {
	case l.txt:
		value, from = "t.Value, t.LastUpdate", "records r LEFT JOIN txt t ON t.Subdomain = r.Subdomain"
	case slices.Contains(l.records, "value") && slices.Contains(l.records, "lastactive"):
		value = "r.Value, r.LastActive"
	}
	return "SELECT r.Username, r.Subdomain, r.Password, " + allowFrom + ", " + value + " FROM " + from +
		" ORDER BY r.Username, r.Subdomain"
}
