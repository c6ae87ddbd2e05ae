package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/acmezone/acmezone/internal/zone"
)

// pageLimit is how many accounts a page has at the most.
const pageLimit = 1000

// Accounts returns a page of the accounts that the filter means, in the order of
// their user names: up to filter.Limit, or a thousand. A page that isn't full is the
// last one; the next one begins after the last user name.
func (s *Store) Accounts(ctx context.Context, filter zone.AccountFilter) ([]zone.Account, error) {
	if filter.Limit <= 0 || filter.Limit > pageLimit {
		filter.Limit = pageLimit
	}
	where, args := conditions(filter)
	rows, err := s.readers.QueryContext(ctx, fmt.Sprintf("SELECT %s FROM accounts WHERE %s ORDER BY username LIMIT %d",
		accountColumns, strings.Join(where, " AND "), filter.Limit), args...)
	if err != nil {
		return nil, explain(s.opts.Path, err)
	}
	defer rows.Close()
	var page []zone.Account
	for rows.Next() {
		a, err := s.scanAccount(rows)
		if err != nil {
			return nil, explain(s.opts.Path, err)
		}
		page = append(page, a)
	}
	return page, explain(s.opts.Path, rows.Err())
}

func conditions(f zone.AccountFilter) (where []string, args []any) {
	where, args = []string{"username > ?"}, []any{f.After}
	add := func(condition string, values ...any) {
		where, args = append(where, condition), append(args, values...)
	}
	if f.Containing != "" {
		text := "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(f.Containing) + "%"
		add(`(username LIKE ? ESCAPE '\' OR subdomain LIKE ? ESCAPE '\' OR comment LIKE ? ESCAPE '\'
			OR EXISTS (SELECT 1 FROM domains d WHERE d.username = accounts.username AND d.domain LIKE ? ESCAPE '\'))`, text, text, text, text)
	}
	if f.Token != "" {
		add("token <> '' AND token = ?", f.Token)
	}
	if !f.IdleSince.IsZero() {
		add("max(updated, created) < ?", f.IdleSince.Unix())
	}
	if f.Bound {
		add("EXISTS (SELECT 1 FROM domains d WHERE d.username = accounts.username)")
	}
	return where, args
}

// FindAccount returns the account that an operator means: by a domain that is bound to
// it, by its user name, its subdomain, or its full name in the zone. zone.ErrNoAccount:
// there is none.
func (s *Store) FindAccount(ctx context.Context, name string) (zone.Account, error) {
	name = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(name), "."))
	if domain, err := zone.ParseDomain(name); err == nil {
		if username, err := s.username(ctx, "SELECT username FROM domains WHERE domain = ?", domain); !errors.Is(err, zone.ErrNoAccount) {
			return s.accountOr(ctx, username, err)
		}
	}
	if id, err := uuid.Parse(name); err == nil {
		if a, err := s.accountOr(ctx, id.String(), nil); !errors.Is(err, zone.ErrNoAccount) {
			return a, err
		}
	}
	label := strings.TrimSuffix(name, "."+strings.TrimSuffix(s.opts.Zone, "."))
	username, err := s.username(ctx, "SELECT username FROM accounts WHERE subdomain = ?", label)
	return s.accountOr(ctx, username, err)
}

func (s *Store) username(ctx context.Context, query, arg string) (string, error) {
	var username string
	err := s.readers.QueryRowContext(ctx, query, arg).Scan(&username)
	if errors.Is(err, sql.ErrNoRows) {
		return "", zone.ErrNoAccount
	}
	return username, explain(s.opts.Path, err)
}

func (s *Store) accountOr(ctx context.Context, username string, err error) (zone.Account, error) {
	if err != nil {
		return zone.Account{}, err
	}
	return s.readAccount(s.readers.QueryRowContext(ctx, accountQuery, username))
}
