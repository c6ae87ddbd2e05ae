package store

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/acmezone/acmezone/internal/zone"
)

// register makes an account. What can refuse it comes before what can't be taken
// back, since a refusal has to leave the transaction as it was.
func (b *batch) register(c zone.Register) error {
	a := c.Account
	if zone.Reserved(a.Subdomain) {
		return fmt.Errorf("%w: %s is reserved", zone.ErrTaken, a.Subdomain)
	}
	for _, domain := range a.Domains {
		if err := b.unbound(domain); err != nil {
			return err
		}
	}
	if err := b.insertAccount(a, c.Token); err != nil {
		return err
	}
	if c.Token != nil {
		if err := b.chargeToken(*c.Token, a.Username); err != nil {
			return err
		}
	}
	for _, domain := range a.Domains {
		if err := b.insertDomain(zone.BindDomain{Domain: domain, Username: a.Username, Token: a.Token}); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) insertAccount(a zone.Account, token *zone.Secret) error {
	allowFrom, err := json.Marshal(a.AllowFrom)
	if err != nil {
		return err
	}
	var secret []byte
	if token != nil {
		secret = token[:]
	}
	rows, err := b.w.exec(`INSERT INTO accounts (username, subdomain, password, allowfrom, created, updated, comment, token)
		SELECT ?1, ?2, ?3, ?4, ?5, 0, ?6,
			coalesce((SELECT id FROM tokens WHERE secret = ?7), (SELECT id FROM tokens WHERE id = ?8), '')
		WHERE NOT EXISTS (SELECT 1 FROM retired WHERE owner = ?2)`,
		a.Username, a.Subdomain, a.Password[:], string(allowFrom), b.now.Unix(), a.Comment, secret, a.Token)
	if isConstraint(err) || err == nil && rows == 0 {
		return fmt.Errorf("%w: %s", zone.ErrTaken, a.Subdomain)
	}
	return err
}

func (b *batch) unbound(domain string) error {
	var username string
	err := b.w.queryRow("SELECT username FROM domains WHERE domain = ?", []any{domain}, &username)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("%w: %s, to %s", zone.ErrBound, domain, username)
}

func (b *batch) bindDomain(c zone.BindDomain) error {
	if err := b.unbound(c.Domain); err != nil {
		return err
	}
	if c.Token != "" {
		if err := b.mayBind(c); err != nil {
			return err
		}
	}
	if err := b.insertDomain(c); err != nil {
		return err
	}
	return b.endGiven(c)
}

func (b *batch) insertDomain(c zone.BindDomain) error {
	return must(zone.ErrNoAccount)(b.w.exec(`INSERT INTO domains (domain, username, token, bound)
		SELECT ?, username, ?, ? FROM accounts WHERE username = ?`, c.Domain, c.Token, b.now.Unix(), c.Username))
}

// rotatePassword gives the account another password. Of those that it had before, the
// last one alone may go on for a while, as a bcrypt hash if it came as one.
func (b *batch) rotatePassword(c zone.RotatePassword) error {
	var old []byte
	err := b.w.queryRow("SELECT password FROM accounts WHERE username = ?", []any{c.Username}, &old)
	if errors.Is(err, sql.ErrNoRows) {
		return zone.ErrNoAccount
	}
	if err != nil {
		return err
	}
	_, err = b.w.exec("DELETE FROM passwords WHERE username = ? AND token = ''", c.Username)
	if err == nil && b.now.Before(c.OldUntil) {
		_, err = b.w.exec("INSERT OR REPLACE INTO passwords (username, secret, token, expires) VALUES (?, ?, '', ?)",
			c.Username, old, c.OldUntil.Unix())
	}
	if err != nil {
		return err
	}
	_, err = b.w.exec("UPDATE accounts SET password = ? WHERE username = ?", c.Password[:], c.Username)
	return err
}

func (b *batch) removeAccount(c zone.RemoveAccount) error {
	var subdomain string
	err := b.w.queryRow("SELECT subdomain FROM accounts WHERE username = ?", []any{c.Username}, &subdomain)
	if errors.Is(err, sql.ErrNoRows) {
		return zone.ErrNoAccount
	}
	if err != nil {
		return err
	}
	if _, err := b.w.exec("INSERT OR IGNORE INTO retired (owner) VALUES (?)", subdomain); err != nil {
		return err
	}
	b.edit.Clear(subdomain)
	delete(b.w.noted, c.Username)
	return b.forgetAccount(c.Username)
}

// forgetAccount deletes the rows that an account has.
func (b *batch) forgetAccount(username string) error {
	for _, statement := range []string{
		"DELETE FROM passwords WHERE username = ?",
		"DELETE FROM domains WHERE username = ?",
		"DELETE FROM accounts WHERE username = ?",
	} {
		if _, err := b.w.exec(statement, username); err != nil {
			return err
		}
	}
	return nil
}
