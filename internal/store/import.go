package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/acmezone/acmezone/internal/zone"
)

// While accounts are taken over the page cache is big, in KiB: they come in an order
// that is none for one of the two trees they go into.
const (
	usualCache  = 1024
	importCache = 96 << 10
)

// importAccounts takes over what the change brings, all or nothing, and leaves the
// other changes of the batch as they are either way.
func (b *batch) importAccounts(c zone.Import) error {
	if err := b.setCache(importCache); err != nil {
		return err
	}
	defer b.setCache(usualCache) // a connection that doesn't take it is closed anyway
	if _, err := b.w.exec("SAVEPOINT import"); err != nil {
		return err
	}
	i := &importing{Import: c, b: b, edit: b.edit.Draft()}
	err := i.rows()
	if err != nil && !errors.Is(err, zone.ErrSource) {
		return err
	}
	if err != nil || c.DryRun {
		if _, err := b.w.exec("ROLLBACK TO import"); err != nil {
			return err
		}
	} else {
		b.edit = i.edit
	}
	if err == nil {
		*c.Result = i.result
	}
	_, release := b.w.exec("RELEASE import")
	return errors.Join(release, err)
}

func (b *batch) setCache(kib int) error {
	_, err := b.w.conn.ExecContext(context.Background(), fmt.Sprintf("PRAGMA cache_size(-%d)", kib))
	return err
}

// importing is an import under way.
type importing struct {
	zone.Import
	b      *batch
	edit   *zone.Edit
	result zone.ImportResult
}

func (i *importing) rows() error {
	for row, err := range i.Rows {
		if err != nil {
			return fmt.Errorf("%w: %w", zone.ErrSource, err)
		}
		if err := i.row(row); err != nil {
			return err
		}
	}
	return nil
}

func (i *importing) row(row zone.ImportRow) error {
	if reason := row.Refusal(i.Definition); reason != "" {
		i.result.Skip(row.Account, reason)
		return nil
	}
	if row.Account.Updated.After(i.b.now) { // by a clock that was wrong there
		row.Account.Updated = i.b.now
	}
	is, err := i.account(row.Account)
	if err != nil || !is {
		return err
	}
	return i.values(row)
}

// account makes the account unless it is there, and reports whether it is now.
func (i *importing) account(a zone.Account) (bool, error) {
	allowFrom, err := json.Marshal(a.AllowFrom)
	if err != nil {
		return false, err
	}
	rows, err := i.b.w.exec(`INSERT OR IGNORE INTO accounts (username, subdomain, password, allowfrom, created, updated, comment)
		SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE NOT EXISTS (SELECT 1 FROM retired WHERE owner = ?2)`,
		a.Username, a.Subdomain, storedPassword(a), string(allowFrom), i.b.now.Unix(), unixOrZero(a.Updated), a.Comment)
	if err != nil {
		return false, err
	}
	if rows == 0 {
		return i.known(a)
	}
	i.result.New++
	return true, nil
}

// known finds out why an account couldn't be made, and reports whether it was there.
func (i *importing) known(a zone.Account) (bool, error) {
	var theirs string
	switch err := i.b.w.queryRow("SELECT subdomain FROM accounts WHERE username = ?", []any{a.Username}, &theirs); {
	case err == nil && theirs == a.Subdomain:
		i.result.Present++
		return true, nil
	case err == nil:
		i.result.Skip(a, "the same user name has the subdomain "+theirs+" here")
		return false, nil
	case !errors.Is(err, sql.ErrNoRows):
		return false, err
	}
	switch err := i.b.w.queryRow("SELECT username FROM accounts WHERE subdomain = ?", []any{a.Subdomain}, &theirs); {
	case err == nil:
		i.result.Skip(a, "its subdomain belongs to account "+theirs+" here")
	case errors.Is(err, sql.ErrNoRows):
		i.result.Skip(a, "its name was given out here once and is never given out again")
	default:
		return false, err
	}
	return false, nil
}

func (i *importing) values(row zone.ImportRow) error {
	taken := 0
	for _, v := range row.Values {
		switch {
		case !zone.ValidChallenge(v.Text):
			i.result.Note(row.Account, fmt.Sprintf("loses the value %.60q: it is no DNS-01 value of 43 characters", v.Text))
		case !i.OlderThan.IsZero() && v.SetAt <= i.OlderThan.Unix():
			i.result.TooOld++
		case i.edit.Merge(row.Account.Subdomain, v.Text, min(v.SetAt, i.b.now.Unix()), i.b.limit):
			taken++
		}
	}
	if taken == 0 {
		return nil
	}
	i.result.Values += taken
	_, err := i.b.w.exec("UPDATE accounts SET updated = ?1 WHERE username = ?2 AND updated < ?1",
		unixOrZero(row.Account.Updated), row.Account.Username)
	return err
}

// storedPassword is what the accounts' column password holds: a SHA-256, or the
// bcrypt hash that came with an import and wasn't used yet.
func storedPassword(a zone.Account) []byte {
	if a.Bcrypt != "" {
		return []byte(a.Bcrypt)
	}
	return a.Password[:]
}

// setPassword reads back what storedPassword gave, and reports whether it is sound.
func setPassword(a *zone.Account, stored []byte) bool {
	if zone.LooksLikeBcrypt(string(stored)) {
		a.Bcrypt = string(stored)
		return true
	}
	return copy(a.Password[:], stored) == len(stored) && len(stored) == len(a.Password)
}

// replacePassword does nothing where the password has been changed meanwhile. After a
// rotation the hash is among the further ones.
func (b *batch) replacePassword(c zone.ReplacePassword) error {
	for _, statement := range []string{
		"UPDATE accounts SET password = ? WHERE username = ? AND password = ?",
		"UPDATE OR REPLACE passwords SET secret = ? WHERE username = ? AND secret = ?",
	} {
		if _, err := b.w.exec(statement, c.Password[:], c.Username, []byte(c.Bcrypt)); err != nil {
			return err
		}
	}
	return nil
}
