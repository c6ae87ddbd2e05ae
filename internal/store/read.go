package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// accountQuery is prepared once: it runs with every update.
const accountQuery = "SELECT username, subdomain, password, allowfrom, created, updated, comment FROM accounts WHERE username = ?"

// Account returns the account of a user name. zone.ErrNoAccount: there is none.
// Where the stored allow list can't be read, the account allows no address.
func (s *Store) Account(ctx context.Context, username string) (zone.Account, error) {
	now := time.Now()
	a, ok, state := s.cache.get(username, now)
	if ok {
		return a, nil
	}
	a, err := s.readAccount(ctx, username)
	if err == nil {
		s.cache.put(a, now, state)
	}
	return a, err
}

func (s *Store) readAccount(ctx context.Context, username string) (zone.Account, error) {
	var a zone.Account
	var password []byte
	var allowFrom string
	var created, updated int64
	err := s.accountByName.QueryRowContext(ctx, username).Scan(
		&a.Username, &a.Subdomain, &password, &allowFrom, &created, &updated, &a.Comment)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return zone.Account{}, zone.ErrNoAccount
	case err != nil:
		return zone.Account{}, explain(s.opts.Path, err)
	case !setPassword(&a, password):
		return zone.Account{}, fmt.Errorf("the database %s: the password of account %s is damaged", s.opts.Path, username)
	}
	a.Created, a.Updated = timeOrZero(created), timeOrZero(updated)
	if a.AllowFrom, err = zone.StoredAllowList(allowFrom); err != nil {
		s.opts.Log.Error("the account is closed to everybody until its allow list is mended", "account", username, "err", err)
	}
	return a, nil
}

// Owners returns which of the names belong to an account.
func (s *Store) Owners(ctx context.Context, names []string) ([]string, error) {
	var taken []string
	for _, name := range names {
		var n int
		err := s.readers.QueryRowContext(ctx, "SELECT count(*) FROM accounts WHERE subdomain = ?", name).Scan(&n)
		if err != nil {
			return nil, explain(s.opts.Path, err)
		}
		if n > 0 {
			taken = append(taken, name)
		}
	}
	return taken, nil
}

// CheckToken returns zone.ErrToken unless a registration may be charged to that
// token now. It is asked before a change is handed over, so that strangers with
// made-up tokens cost no transaction.
func (s *Store) CheckToken(ctx context.Context, secret zone.Secret) error {
	var t zone.Token
	var expires int64
	err := s.readers.QueryRowContext(ctx, "SELECT uses, expires FROM tokens WHERE secret = ?", secret[:]).Scan(&t.Uses, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return zone.ErrToken
	}
	if err != nil {
		return explain(s.opts.Path, err)
	}
	if t.Expires = timeOrZero(expires); t.Spent(s.opts.Now()) {
		return zone.ErrToken
	}
	return nil
}

// Tokens returns the registration tokens, the oldest first.
func (s *Store) Tokens(ctx context.Context) ([]zone.Token, error) {
	rows, err := s.readers.QueryContext(ctx, "SELECT id, secret, uses, expires, created, comment FROM tokens ORDER BY created, id")
	if err != nil {
		return nil, explain(s.opts.Path, err)
	}
	defer rows.Close()
	var tokens []zone.Token
	for rows.Next() {
		var t zone.Token
		var secret []byte
		var expires, created int64
		if err := rows.Scan(&t.ID, &secret, &t.Uses, &expires, &created, &t.Comment); err != nil {
			return nil, explain(s.opts.Path, err)
		}
		copy(t.Secret[:], secret)
		t.Expires, t.Created = timeOrZero(expires), timeOrZero(created)
		tokens = append(tokens, t)
	}
	return tokens, explain(s.opts.Path, rows.Err())
}
