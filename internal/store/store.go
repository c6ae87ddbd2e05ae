// Package store keeps accounts, values, tokens and the zone's serial in one
// SQLite database (modernc.org/sqlite, WAL, synchronous=FULL).
//
// It is the log of truth and the only one: DNS is answered from snapshots, never
// from SQL. One goroutine writes (Commit), any number read (Account, Tokens).
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// Options say which database to open and how the zone's data change.
type Options struct {
	Path      string            // the database file; its folder must exist
	Zone      string            // the zone's name, kept so that a change of it is noticed
	Policy    zone.SerialPolicy // how the next serial is chosen
	MaxValues int               // values kept per owner
	LockWait  time.Duration     // how long to wait for another process to let go of it
	Now       func() time.Time  // nil: time.Now
	Log       *slog.Logger      // nil: slog.Default()
}

// Rules are those of the options that may change while the database is open.
type Rules struct {
	Policy    zone.SerialPolicy
	MaxValues int
}

// Store is an open database. Its methods but Commit and Close may be called by
// any number of goroutines.
type Store struct {
	opts    Options
	lock    *lock
	readers *sql.DB
	made    bool // by this Open

	rules atomic.Pointer[Rules]
	login *sql.Stmt // loginQuery
	cache accountCache

	// The rest belongs to the one goroutine that calls Commit and Close.
	writer  *writer        // nil while it is broken
	current *zone.Snapshot // what is durable
	fatal   error          // once set, every commit fails with it
	warned  string         // the day for which warnBeyondDay has spoken

	backing sync.Mutex // held while a copy is made

	mu     sync.Mutex
	closed bool
}

// Open opens the database, makes it if there is none, brings it to this version's
// schema and loads the live values. It is also the recovery after a crash: what
// the write-ahead log holds is brought into the database first. The errors say
// which file is meant and what to do about it.
func Open(ctx context.Context, opts Options) (*Store, error) {
	opts = withDefaults(opts)
	path, err := checkPlace(opts.Path)
	if err != nil {
		return nil, err
	}
	opts.Path = path
	lock, err := takeLock(ctx, path+".lock", opts.LockWait)
	if err != nil {
		return nil, err
	}
	s := &Store{opts: opts, lock: lock}
	s.SetRules(Rules{opts.Policy, opts.MaxValues})
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(explain(path, err), s.Close())
	}
	return s, nil
}

func withDefaults(o Options) Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

func (s *Store) open(ctx context.Context) error {
	if err := removeParts(s.opts.Path); err != nil {
		s.opts.Log.Warn("what an interrupted backup or restore has left can't be removed", "err", err)
	}
	made, err := createFile(s.opts.Path)
	if err != nil {
		return err
	}
	s.made = made
	writer, err := openWriter(ctx, s.opts)
	if err != nil {
		return err
	}
	s.writer = writer
	if s.current, err = writer.load(ctx, s.opts); err != nil {
		return err
	}
	s.warnBlocked()
	if s.readers, err = openReaders(s.opts.Path); err != nil {
		return err
	}
	s.login, err = s.readers.PrepareContext(ctx, loginQuery)
	return err
}

// SetRules has other rules count with the next commit. Values that are there already stay
// until their name changes.
func (s *Store) SetRules(rules Rules) { s.rules.Store(&rules) }

// Made reports whether Open found no database and made one.
func (s *Store) Made() bool { return s.made }

// Snapshot returns what is durable now. Only the goroutine that commits may ask;
// everybody else is handed snapshots.
func (s *Store) Snapshot() *zone.Snapshot { return s.current }

// Close ends everything and lets go of the database. A second call does nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var errs []error
	if s.login != nil {
		errs = append(errs, s.login.Close())
	}
	if s.readers != nil {
		errs = append(errs, s.readers.Close())
	}
	errs = append(errs, s.writer.close(), s.lock.release())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("closing %s: %w", s.opts.Path, err)
	}
	return nil
}
