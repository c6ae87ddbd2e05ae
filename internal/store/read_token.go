package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/acmezone/acmezone/internal/zone"
)

const tokenColumns = "id, secret, uses, quota, domains, allowfrom, expires, created, comment"

// TokenOf returns the token of a secret, or zone.ErrToken if there is none. It may be
// spent, or used up before what was asked for with it is committed. It is asked before
// a change is handed over, so that strangers with made-up tokens cost no transaction.
func (s *Store) TokenOf(ctx context.Context, secret zone.Secret) (zone.Token, error) {
	t, err := s.scanToken(s.readers.QueryRowContext(ctx, "SELECT "+tokenColumns+" FROM tokens WHERE secret = ?", secret[:]))
	if errors.Is(err, sql.ErrNoRows) {
		return zone.Token{}, zone.ErrToken
	}
	return t, explain(s.opts.Path, err)
}

// Tokens returns the tokens, the oldest first.
func (s *Store) Tokens(ctx context.Context) ([]zone.Token, error) {
	rows, err := s.readers.QueryContext(ctx, "SELECT "+tokenColumns+" FROM tokens ORDER BY created, id")
	if err != nil {
		return nil, explain(s.opts.Path, err)
	}
	defer rows.Close()
	var tokens []zone.Token
	for rows.Next() {
		t, err := s.scanToken(rows)
		if err != nil {
			return nil, explain(s.opts.Path, err)
		}
		tokens = append(tokens, t)
	}
	return tokens, explain(s.opts.Path, rows.Err())
}

// scanToken reads the columns of tokenColumns. A token whose networks or domains
// can't be read is good from nowhere and for nothing.
func (s *Store) scanToken(row scanner) (zone.Token, error) {
	var t zone.Token
	var secret []byte
	var domains, allowFrom string
	var expires, created int64
	err := row.Scan(&t.ID, &secret, &t.Uses, &t.Quota, &domains, &allowFrom, &expires, &created, &t.Comment)
	if err != nil {
		return t, err
	}
	copy(t.Secret[:], secret)
	t.Expires, t.Created = timeOrZero(expires), timeOrZero(created)
	if t.AllowFrom, err = zone.StoredAllowList(allowFrom); err == nil {
		err = json.Unmarshal([]byte(domains), &t.Domains)
	}
	if err != nil {
		t.AllowFrom = zone.ClosedList()
		s.opts.Log.Error("the token is good for nothing until its networks and domains are mended", "token", t.ID, "err", err)
	}
	return t, nil
}
