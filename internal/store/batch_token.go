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

// givePasswords makes passwords good until the token ends. Accounts that were removed
// meanwhile are passed over.
func (b *batch) givePasswords(c zone.GivePasswords) error {
	var expires int64
	err := b.w.queryRow("SELECT expires FROM tokens WHERE id = ?", []any{c.Token}, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return zone.ErrToken
	}
	if err != nil {
		return err
	}
	for username, secret := range c.Passwords {
		_, err := b.w.exec(`INSERT OR REPLACE INTO passwords (username, secret, token, expires)
			SELECT username, ?, ?, ? FROM accounts WHERE username = ?`, secret[:], c.Token, expires, username)
		if err != nil {
			return err
		}
	}
	return nil
}
