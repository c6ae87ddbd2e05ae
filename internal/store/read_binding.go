package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/acmezone/acmezone/internal/zone"
)

// bindingQuery reads an account with a domain that is bound to it, with whom, and who
// has a share in it. Its first argument is the time now, in Unix seconds.
const bindingQuery = "SELECT " + accountColumns + `, domains.domain,
	coalesce((SELECT id FROM tokens WHERE id = domains.token AND (expires = 0 OR expires > ?1)), ''),
	(SELECT json_group_array(id) FROM tokens WHERE (expires = 0 OR expires > ?1) AND (id = accounts.token
		OR id IN (SELECT token FROM domains o WHERE o.username = accounts.username)))
	FROM domains JOIN accounts ON accounts.username = domains.username WHERE `

// Binding returns to whom a domain is bound. zone.ErrNotBound: to nobody.
func (s *Store) Binding(ctx context.Context, domain string) (zone.Binding, error) {
	b, err := s.scanBinding(s.readers.QueryRowContext(ctx, bindingQuery+"domain = ?2", s.opts.Now().Unix(), domain))
	if errors.Is(err, sql.ErrNoRows) {
		return b, zone.ErrNotBound
	}
	return b, explain(s.opts.Path, err)
}

// Bindings returns a page of what was bound with a token, in the order of the domains
// and up to limit of them: those after a domain, or the first ones after "".
func (s *Store) Bindings(ctx context.Context, token, after string, limit int) ([]zone.Binding, error) {
	rows, err := s.readers.QueryContext(ctx, bindingQuery+"domains.token <> '' AND domains.token = ?2 AND domain > ?3 ORDER BY domain LIMIT ?4",
		s.opts.Now().Unix(), token, after, limit)
	if err != nil {
		return nil, explain(s.opts.Path, err)
	}
	defer rows.Close()
	var page []zone.Binding
	for rows.Next() {
		b, err := s.scanBinding(rows)
		if err != nil {
			return nil, explain(s.opts.Path, err)
		}
		page = append(page, b)
	}
	return page, explain(s.opts.Path, rows.Err())
}

func (s *Store) scanBinding(row scanner) (zone.Binding, error) {
	var b zone.Binding
	var holders string
	var err error
	if b.Account, err = s.scanAccount(wider{row, []any{&b.Domain, &b.Token, &holders}}); err != nil {
		return b, err
	}
	return b, json.Unmarshal([]byte(holders), &b.Holders)
}

// scanner is a row of a query.
type scanner interface{ Scan(into ...any) error }

// wider is a row with more columns than its reader asks for.
type wider struct {
	row  scanner
	more []any
}

// Scan reads the columns that are asked for, and the others behind them.
func (w wider) Scan(into ...any) error { return w.row.Scan(append(into, w.more...)...) }
