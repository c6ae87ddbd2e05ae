package store

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/acmezone/acmezone/internal/zone"
)

// chargeToken takes one use of the token for an account that was just made with it;
// where it isn't good for that, the account is taken back.
func (b *batch) chargeToken(secret zone.Secret, username string) error {
	rows, err := b.w.exec(`UPDATE tokens SET uses = uses - (uses > 0)
		WHERE secret = ? AND uses <> 0 AND (expires = 0 OR expires > ?)
		AND (quota = 0 OR (SELECT count(*) FROM accounts WHERE accounts.token <> '' AND accounts.token = tokens.id) <= quota)`,
		secret[:], b.now.Unix())
	if err != nil || rows > 0 {
		return err
	}
	if err := b.forgetAccount(username); err != nil {
		return err
	}
	return zone.ErrToken
}

func (b *batch) createToken(t zone.Token) error {
	domains, err := json.Marshal(append(zone.Patterns{}, t.Domains...))
	if err != nil {
		return err
	}
	allowFrom, err := json.Marshal(t.AllowFrom)
	if err != nil {
		return err
	}
	_, err = b.w.exec(`INSERT INTO tokens (id, secret, uses, quota, domains, allowfrom, expires, created, comment)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		t.ID, t.Secret[:], t.Uses, t.Quota, string(domains), string(allowFrom), unixOrZero(t.Expires), b.now.Unix(), t.Comment)
	if isConstraint(err) {
		return fmt.Errorf("%w: token %s", zone.ErrTaken, t.ID)
	}
	return err
}

// revokeToken ends the token and the passwords that it gave out. Accounts and
// bindings that stay are the operator's from then on, so that another token may be
// given for them.
func (b *batch) revokeToken(c zone.RevokeToken) error {
	if err := must(zone.ErrToken)(b.w.exec("DELETE FROM tokens WHERE id = ?", c.ID)); err != nil {
		return err
	}
	if c.Accounts {
		if err := b.removeAccountsOf(c.ID); err != nil {
			return err
		}
	}
	for _, statement := range []string{
		"DELETE FROM passwords WHERE token <> '' AND token = ?",
		"UPDATE domains SET token = '' WHERE token <> '' AND token = ?",
		"UPDATE accounts SET token = '' WHERE token <> '' AND token = ?",
	} {
		if _, err := b.w.exec(statement, c.ID); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) removeAccountsOf(token string) error {
	for {
		var username string
		err := b.w.queryRow("SELECT username FROM accounts WHERE token <> '' AND token = ? LIMIT 1", []any{token}, &username)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := b.removeAccount(zone.RemoveAccount{Username: username}); err != nil {
			return err
		}
	}
}

// givePasswords makes passwords good until the token ends. Accounts that were removed or
// have other domains meanwhile are passed over.
func (b *batch) givePasswords(c zone.GivePasswords) error {
	expires, err := b.tokenExpiry(c.Token)
	if err != nil {
		return err
	}
	for username, given := range c.Passwords {
		domains, err := json.Marshal(append([]string{}, given.Domains...))
		if err != nil {
			return err
		}
		_, err = b.w.exec(`INSERT OR REPLACE INTO passwords (username, secret, token, expires)
			SELECT username, ?, ?, ? FROM accounts WHERE username = ? AND ? = (SELECT json_group_array(domain)
				FROM (SELECT domain FROM domains WHERE domains.username = accounts.username ORDER BY domain))`,
			given.Secret[:], c.Token, expires, username, string(domains))
		if err != nil {
			return err
		}
	}
	return nil
}

// tokenExpiry returns when a token ends, 0 for never, or zone.ErrToken if it has.
func (b *batch) tokenExpiry(id string) (expires int64, err error) {
	err = b.w.queryRow("SELECT expires FROM tokens WHERE id = ? AND (expires = 0 OR expires > ?)", []any{id, b.now.Unix()}, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("%w: %s has ended", zone.ErrToken, id)
	}
	return expires, err
}

// mayBind refuses a token that has ended, and one for an account of another's.
func (b *batch) mayBind(c zone.BindDomain) error {
	if _, err := b.tokenExpiry(c.Token); err != nil {
		return err
	}
	var maker string
	err := b.w.queryRow("SELECT token FROM accounts WHERE username = ?", []any{c.Username}, &maker)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return zone.ErrNoAccount
	case err != nil || maker == "" || maker == c.Token:
		return err
	}
	_, err = b.tokenExpiry(maker)
	switch {
	case errors.Is(err, zone.ErrToken): // it has ended: the account is the operator's
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("%w: %s", zone.ErrForeign, maker)
}

// endGiven takes an account's passwords back from the tokens that wouldn't be given them
// now that a domain is bound to it (zone.Token.MayHave).
func (b *batch) endGiven(c zone.BindDomain) error {
	for id := ""; ; {
		var domains string
		err := b.w.queryRow(`SELECT t.id, t.domains FROM passwords p JOIN tokens t ON t.id = p.token
			WHERE p.username = ?1 AND p.token > ?2 AND p.token NOT IN (SELECT token FROM domains WHERE username = ?1)
			AND p.token NOT IN (SELECT token FROM accounts WHERE username = ?1) ORDER BY p.token LIMIT 1`,
			[]any{c.Username, id}, &id, &domains)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		var patterns zone.Patterns
		if c.Token == "" && json.Unmarshal([]byte(domains), &patterns) == nil && patterns.Allow(c.Domain) {
			continue
		}
		if _, err := b.w.exec("DELETE FROM passwords WHERE username = ? AND token = ?", c.Username, id); err != nil {
			return err
		}
	}
}
