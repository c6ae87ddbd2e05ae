package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// loginColumns are what an update needs of an account. Nearly always there are no
// further passwords, and looking whether there are costs less than an empty list.
const loginColumns = `accounts.username, subdomain, password, allowfrom, created, updated, comment, accounts.token,
	CASE WHEN EXISTS (SELECT 1 FROM passwords p WHERE p.username = accounts.username) THEN
		(SELECT json_group_array(json_object('secret', lower(hex(p.secret)), 'token', p.token, 'until', p.expires))
			FROM passwords p WHERE p.username = accounts.username) END`

// accountColumns are what scanAccount reads.
const accountColumns = loginColumns + `,
	(SELECT json_group_array(d.domain) FROM domains d WHERE d.username = accounts.username)`

const (
	loginQuery   = "SELECT " + loginColumns + ", NULL FROM accounts WHERE username = ?"
	accountQuery = "SELECT " + accountColumns + " FROM accounts WHERE username = ?"
)

// Account returns the account of a user name, but for its domains, which an update has
// no need of. zone.ErrNoAccount: there is none. Where the stored allow list can't be
// read, the account allows no address.
func (s *Store) Account(ctx context.Context, username string) (zone.Account, error) {
	now := time.Now()
	a, ok, state := s.cache.get(username, now)
	if ok {
		return a, nil
	}
	a, err := s.readAccount(s.login.QueryRowContext(ctx, username))
	if err == nil {
		s.cache.put(a, now, state)
	}
	return a, err
}

func (s *Store) readAccount(row scanner) (zone.Account, error) {
	a, err := s.scanAccount(row)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return zone.Account{}, zone.ErrNoAccount
	case err != nil:
		return zone.Account{}, explain(s.opts.Path, err)
	}
	return a, nil
}

// scanAccount reads the columns of accountColumns.
func (s *Store) scanAccount(row scanner) (zone.Account, error) {
	var a zone.Account
	var password []byte
	var allowFrom string
	var further, domains sql.NullString
	var created, updated int64
	err := row.Scan(&a.Username, &a.Subdomain, &password, &allowFrom, &created, &updated, &a.Comment, &a.Token, &further, &domains)
	if err != nil {
		return a, err
	}
	if !setPassword(&a, password) {
		return a, fmt.Errorf("the database %s: the password of account %s is damaged", s.opts.Path, a.Username)
	}
	a.Created, a.Updated = timeOrZero(created), timeOrZero(updated)
	if err = setFurther(&a, further.String); err == nil && domains.Valid {
		err = json.Unmarshal([]byte(domains.String), &a.Domains)
	}
	if err != nil {
		return a, fmt.Errorf("the database %s: account %s: %w", s.opts.Path, a.Username, err)
	}
	slices.Sort(a.Domains)
	if a.AllowFrom, err = zone.StoredAllowList(allowFrom); err != nil {
		s.opts.Log.Error("the account is closed to everybody until its allow list is mended", "account", a.Username, "err", err)
	}
	return a, nil
}

// setFurther reads the passwords beside the account's own: SHA-256, and one bcrypt hash
// where an account was given another password before the one of the import was used.
func setFurther(a *zone.Account, text string) error {
	if text == "" { // nearly always
		return nil
	}
	var stored []struct {
		Secret string // hexadecimal
		Token  string
		Until  int64
	}
	if err := json.Unmarshal([]byte(text), &stored); err != nil {
		return err
	}
	for _, s := range stored {
		if hash, err := hex.DecodeString(s.Secret); err == nil && zone.LooksLikeBcrypt(string(hash)) {
			a.Bcrypt, a.Ends = string(hash), timeOrZero(s.Until)
			continue
		}
		p := zone.Password{Token: s.Token, Expires: timeOrZero(s.Until)}
		if err := p.Secret.UnmarshalText([]byte(s.Secret)); err != nil {
			return err
		}
		a.Further = append(a.Further, p)
	}
	return nil
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
