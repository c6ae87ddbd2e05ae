// Package acmedns reads an installation of acme-dns: its accounts, values and
// passwords from SQLite, PostgreSQL or CSV, and its configuration. It changes nothing
// there, not so much as a file's time.
package acmedns

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// Source is an acme-dns database that is open for reading. One goroutine may use it.
type Source struct {
	Name   string   // what is read, without the password that a URL may hold
	Notes  []string // what the operator should know of how it is read
	Config *Config  // nil unless a config.cfg named the database

	db     *sql.DB
	layout layout
	folder string // of our own, removed in the end; "" for none
	odd    []string
}

// Open opens what an operator names: an acme-dns database (SQLite), a postgres://
// URL, a CSV file of the table records, a folder with records.csv and txt.csv, or the
// config.cfg that names a database.
func Open(ctx context.Context, name string) (*Source, error) {
	config, name, err := throughConfig(name)
	if err != nil {
		return nil, err
	}
	s := &Source{Name: name, Config: config}
	if err := s.open(ctx, name); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", s.Name, err), s.Close())
	}
	return s, nil
}

func (s *Source) open(ctx context.Context, name string) error {
	if isURL(name) {
		s.Name = redacted(name)
		return s.openPostgres(ctx, name)
	}
	if scheme, _, found := strings.Cut(name, "://"); found {
		s.Name = redacted(name)
		return fmt.Errorf("%s:// is nothing that acme-dns keeps accounts in; SOURCE is a file or a postgres:// URL", scheme)
	}
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return errors.New("there is no such file")
	case err != nil:
		return errors.Unwrap(err) // without the path, which is said already
	case info.IsDir():
		if _, err := os.Stat(filepath.Join(name, "records.csv")); errors.Is(err, os.ErrNotExist) {
			return errors.New("it is a folder without a records.csv: name acme-dns' database itself, or see 'acmezone import --help'")
		}
		return s.openCSV(ctx, filepath.Join(name, "records.csv"))
	case strings.EqualFold(filepath.Ext(name), ".csv"):
		return s.openCSV(ctx, name)
	}
	return s.openSQLite(ctx, name)
}

func isURL(name string) bool {
	scheme, _, found := strings.Cut(name, "://")
	return found && (strings.EqualFold(scheme, "postgres") || strings.EqualFold(scheme, "postgresql"))
}

func redacted(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the URL"
	}
	query := u.Query()
	for _, secret := range []string{"password", "sslpassword"} {
		if query.Has(secret) {
			query.Set(secret, "xxxxx")
			u.RawQuery = query.Encode()
		}
	}
	return u.Redacted()
}

// Close ends reading and removes what was copied aside. It may be called twice.
func (s *Source) Close() error {
	var errs []error
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	if s.folder != "" {
		errs = append(errs, os.RemoveAll(s.folder))
	}
	return errors.Join(errs...)
}

// ownFolder makes a private folder for copies.
func (s *Source) ownFolder() (err error) {
	if s.folder == "" {
		s.folder, err = os.MkdirTemp("", "acmezone-import-")
	}
	return err
}
