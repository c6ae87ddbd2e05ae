package store

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// batch is one transaction in the making: rows are written as the changes come,
// the zone's own data gather in the edit and are written at the end.
type batch struct {
	w     *writer
	edit  *zone.Edit
	now   time.Time
	limit int
}

// isRefusal reports whether an error concerns one change alone and has left the
// transaction as it was before that change.
func isRefusal(err error) bool {
	return slices.ContainsFunc(zone.Errors, func(refusal error) bool { return errors.Is(err, refusal) })
}

func (b *batch) apply(change zone.Change) error {
	switch c := change.(type) {
	case zone.Register:
		return b.register(c)
	case zone.SetValue:
		return b.setValue(c)
	case zone.BindDomain:
		return b.bindDomain(c)
	case zone.UnbindDomain:
		return must(zone.ErrNotBound)(b.w.exec("DELETE FROM domains WHERE domain = ?", c.Domain))
	case zone.RotatePassword:
		return b.rotatePassword(c)
	case zone.GivePasswords:
		return b.givePasswords(c)
	case zone.RemoveValue:
		b.removeValue(c)
		return nil
	case zone.RemoveAccount:
		return b.removeAccount(c)
	case zone.Expire:
		for _, owner := range c.Owners {
			b.edit.Expire(owner, c.Before.Unix())
		}
		return nil
	case zone.RaiseSerial:
		b.edit.Raise(c.Above)
		return nil
	case zone.Redefine:
		b.edit.Move()
		return nil
	case zone.Import:
		return b.importAccounts(c)
	case zone.ReplacePassword:
		return b.replacePassword(c)
	case zone.CreateToken:
		return b.createToken(c.Token)
	case zone.RevokeToken:
		return b.revokeToken(c)
	case zone.Heartbeat:
		return must(zone.ErrForked)(b.w.exec("UPDATE zone_state SET heartbeat = ? WHERE id = 1", b.now.Unix()))
	}
	return fmt.Errorf("the store knows no change of type %T", change)
}

// must turns "no row was touched" into that error.
func must(none error) func(int64, error) error {
	return func(rows int64, err error) error {
		if err == nil && rows == 0 {
			return none
		}
		return err
	}
}

// setValue sets an account's value if the account still is there and the owner is
// its own; the handler has asked before, but a removal may have come between.
func (b *batch) setValue(c zone.SetValue) error {
	if c.Account == "" && !zone.Reserved(c.Owner) {
		return fmt.Errorf("%w for %s", zone.ErrNoAccount, c.Owner)
	}
	if c.Account != "" {
		if err := b.noteUse(c.Account, c.Owner); err != nil {
			return err
		}
	}
	b.edit.Set(c.Owner, c.Text, b.now.Unix(), b.limit)
	return nil
}

// useNoted is how exactly an account's last use is kept. A page of the accounts
// written with every update would double what an update costs, and an hour is
// enough to find accounts that nobody uses any more.
const useNoted = time.Hour

// maxNoted bounds how many accounts the writer remembers to have noted.
const maxNoted = 4096

// noteUse proves that the account is there and notes when it was used.
func (b *batch) noteUse(username, subdomain string) error {
	now := b.now.Unix()
	if n := b.w.noted[username]; n.subdomain == subdomain && now-n.at < int64(useNoted/time.Second) {
		return nil
	}
	rows, err := b.w.exec("UPDATE accounts SET updated = ? WHERE username = ? AND subdomain = ?", now, username, subdomain)
	if err := must(zone.ErrNoAccount)(rows, err); err != nil {
		return err
	}
	if len(b.w.noted) >= maxNoted {
		clear(b.w.noted)
	}
	b.w.noted[username] = use{subdomain, now}
	return nil
}

func (b *batch) removeValue(c zone.RemoveValue) {
	if c.Text == "" {
		b.edit.Clear(c.Owner)
		return
	}
	b.edit.Remove(c.Owner, c.Text)
}

func unixOrZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func timeOrZero(unix int64) time.Time {
	if unix == 0 {
		return time.Time{}
	}
	return time.Unix(unix, 0)
}
