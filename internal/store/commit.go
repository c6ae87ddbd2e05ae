package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/acmezone/acmezone/internal/zone"
)

// Commit makes the changes durable, all that can be in one transaction, and
// returns what is durable then with an error, or nil, for each change:
// zone.ErrNoAccount, ErrTaken and ErrToken fail one change alone, ErrNotStored
// fails all of them, ErrForked all from now on. After
// ErrNotStored it isn't known whether the changes will be there after a restart.
//
// When it returns nil for a change, that is on the disk: the write-ahead log has
// been synced. One goroutine may call it.
func (s *Store) Commit(changes []zone.Change) (*zone.Snapshot, []error) {
	errs := make([]error, len(changes))
	err := s.fatal
	if err == nil {
		err = s.repair()
	}
	if err == nil {
		var next *zone.Snapshot
		if next, err = s.transact(changes, errs); err == nil {
			s.warnBeyondDay(next.Serial())
			s.current = next
			s.forgetChanged(changes)
			return next, errs
		}
		s.giveUp(err)
	}
	// Those that were refused as well: what they were judged by has been taken back.
	for i := range errs {
		errs[i] = s.notStored(err)
	}
	return s.current, errs
}

// forgetChanged lets what the cache remembers of accounts end with the change that
// makes it wrong, before anybody is told that the change has been made.
func (s *Store) forgetChanged(changes []zone.Change) {
	for _, c := range changes {
		switch c := c.(type) {
		case zone.RemoveAccount:
			s.cache.forget(c.Username)
		case zone.RotatePassword:
			s.cache.forget(c.Username)
		case zone.ReplacePassword:
			s.cache.forget(c.Username)
		case zone.BindDomain:
			s.cache.forget(c.Username)
		case zone.GivePasswords:
			for username := range c.Passwords {
				s.cache.forget(username)
			}
		case zone.RevokeToken:
			s.cache.forgetAll()
		}
	}
}

func (s *Store) notStored(err error) error {
	if errors.Is(err, zone.ErrForked) {
		return err
	}
	return fmt.Errorf("%w: %w", zone.ErrNotStored, explain(s.opts.Path, err))
}

// giveUp takes back what a failed transaction did. Where the connection can't be
// trusted any more it is closed; the next commit opens the database anew, just as
// a restart would.
func (s *Store) giveUp(err error) {
	if errors.Is(err, zone.ErrForked) {
		s.fatal = err
	}
	// What was noted may be taken back with the rest.
	clear(s.writer.noted)
	// A rollback fails where SQLite has rolled back by itself: then there is no
	// transaction, which is as good.
	_, rollback := s.writer.conn.ExecContext(context.Background(), "ROLLBACK")
	if transient(err) && (rollback == nil || primaryCode(rollback) == 1) {
		return
	}
	s.opts.Log.Error("the database is closed after an error and will be opened anew", "err", explain(s.opts.Path, err))
	if err := s.writer.close(); err != nil {
		s.opts.Log.Warn("closing the database", "err", err)
	}
	s.writer = nil
}

// repair opens the database anew if it is closed. What was acknowledged must be
// there, or nothing more is.
func (s *Store) repair() error {
	if s.writer != nil {
		return nil
	}
	ctx := context.Background()
	writer, err := openWriter(ctx, s.opts)
	if err != nil {
		return err
	}
	loaded, err := writer.load(ctx, s.opts)
	if err == nil && (!loaded.Serial().Reached(s.current.Serial()) || loaded.Seq() < s.current.Seq()) {
		err = fmt.Errorf("it has serial %d, behind %d which was acknowledged: it was replaced or damaged", loaded.Serial(), s.current.Serial())
	}
	if err != nil {
		return errors.Join(err, writer.close())
	}
	s.writer = writer
	if loaded.Seq() != s.current.Seq() || loaded.Serial() != s.current.Serial() {
		s.current = loaded
	}
	s.opts.Log.Info("the database is open again", "path", s.opts.Path, "serial", s.current.Serial())
	return nil
}

// transact runs one transaction. An error that it returns has left the database
// in doubt or unchanged, and nothing of it may be shown to anybody.
func (s *Store) transact(changes []zone.Change, errs []error) (*zone.Snapshot, error) {
	if file := s.writer.replaced(s.opts.Path); file != "" {
		return nil, fmt.Errorf("%w: the file %s was removed or replaced while it was open", zone.ErrForked, file)
	}
	if _, err := s.writer.exec("BEGIN IMMEDIATE"); err != nil {
		return nil, err
	}
	if err := s.compareState(); err != nil {
		return nil, err
	}
	b := &batch{w: s.writer, edit: s.current.Edit(), now: s.opts.Now(), limit: s.rules.Load().MaxValues}
	for i, c := range changes {
		errs[i] = b.apply(c)
		if errs[i] != nil && !isRefusal(errs[i]) {
			err := errs[i]
			errs[i] = nil
			return nil, err
		}
	}
	next, err := s.writeZone(b)
	if err != nil {
		return nil, err
	}
	_, err = s.writer.exec("COMMIT")
	return next, err
}

// compareState proves that nobody else has moved the zone since.
func (s *Store) compareState() error {
	var serial zone.Serial
	var seq uint64
	if err := s.writer.queryRow("SELECT serial, seq FROM zone_state WHERE id = 1", nil, &serial, &seq); err != nil {
		return err
	}
	if serial != s.current.Serial() || seq != s.current.Seq() {
		return fmt.Errorf("%w: %s holds serial %d, this process had written %d", zone.ErrForked, s.opts.Path, serial, s.current.Serial())
	}
	return nil
}

// writeZone writes what the batch does to the zone's data and its serial, which
// may move without them.
func (s *Store) writeZone(b *batch) (*zone.Snapshot, error) {
	serial := b.edit.NextSerial(s.rules.Load().Policy, b.now)
	next, delta := b.edit.Finish(serial)
	for _, c := range delta.Changes {
		if err := writeRRset(s.writer, c); err != nil {
			return nil, err
		}
	}
	if next.Seq() == s.current.Seq() && serial == s.current.Serial() {
		return next, nil
	}
	_, err := s.writer.exec("UPDATE zone_state SET serial = ?, seq = ? WHERE id = 1", serial, next.Seq())
	return next, err
}

func writeRRset(w *writer, c zone.RRsetChange) error {
	before, after := bySeq(c.Before), bySeq(c.After)
	for text := range before {
		if _, kept := after[text]; !kept {
			if _, err := w.exec("DELETE FROM challenges WHERE owner = ? AND txt = ?", c.Owner, text); err != nil {
				return err
			}
		}
	}
	for text, v := range after {
		if before[text].Seq == v.Seq {
			continue
		}
		_, err := w.exec(`INSERT INTO challenges (owner, txt, seq, set_at) VALUES (?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET seq = excluded.seq, set_at = excluded.set_at`, c.Owner, text, v.Seq, v.SetAt)
		if err != nil {
			return err
		}
	}
	return nil
}

func bySeq(set *zone.RRset) map[string]zone.Value {
	values := make(map[string]zone.Value)
	if set != nil {
		for _, v := range set.Values {
			values[v.Text] = v
		}
	}
	return values
}
