package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/acmezone/acmezone/internal/zone"
)

// Restored says what a restore did.
type Restored struct {
	Facts
	Kept     string // where the database from before is; "" if there was none
	Retired  int    // names given out since the backup, which are never given out again
	Returned int    // accounts that had been removed since
	Tokens   int    // tokens that had been revoked since
	Rotated  int    // accounts that had been given another password since
	Unread   error  // why the database from before couldn't be asked; nil if it could
}

// Restore puts the backup in that file in the place of the database, which nobody may
// use meanwhile. The one from before is kept beside it. A crash at any moment leaves
// the one or the other, whole. The zone's serial is beyond both. A backup of another
// zone than opts.Zone is refused unless force is set.
func Restore(ctx context.Context, opts Options, file string, force bool) (done Restored, err error) {
	opts = withDefaults(opts)
	if opts.Path, err = checkPlace(opts.Path); err != nil {
		return done, err
	}
	lock, err := takeLock(ctx, opts.Path+".lock", opts.LockWait)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, lock.release()) }()
	r := &restore{opts: opts, part: opts.Path + restorePart, done: &done}
	if err := r.prepare(ctx, file, force); err != nil {
		return done, errors.Join(err, r.clean())
	}
	if err := r.swap(); err != nil {
		return done, errors.Join(fmt.Errorf("putting it in the place of %s: %w", opts.Path, err), r.clean())
	}
	return done, r.clean()
}

// restore is one under way: the new database is made ready as part, beside the one
// that it replaces.
type restore struct {
	opts Options
	part string
	done *Restored
}

// clean removes what a restore, this one or one that was killed, has left.
func (r *restore) clean() error {
	copies, err := filepath.Glob(r.part + ".before-schema-*")
	errs := []error{err, removeDatabase(r.part)}
	for _, c := range copies {
		errs = append(errs, os.Remove(c))
	}
	return errors.Join(errs...)
}

func (r *restore) prepare(ctx context.Context, file string, force bool) (err error) {
	if err := r.clean(); err != nil {
		return err
	}
	if err := r.copy(file); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if r.done.Facts, err = Verify(ctx, r.part); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if r.done.Zone != r.opts.Zone && !force {
		return fmt.Errorf("%s holds the zone %s, and zone.name is %s: --force restores it all the same", file, strings.TrimSuffix(r.done.Zone, "."), strings.TrimSuffix(r.opts.Zone, "."))
	}
	return r.join(ctx)
}

// copy brings the backup beside the database, private and on the disk.
func (r *restore) copy(file string) error {
	if err := alone(file, r.opts.Path); err != nil {
		return err
	}
	in, err := os.Open(file)
	if err != nil {
		return errors.Unwrap(err)
	}
	defer in.Close()
	out, err := os.OpenFile(r.part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close(), giveToFolderOwner(r.part))
}

// alone proves that the file is whole by itself: what a log beside it holds would be
// lost.
func alone(file, database string) error {
	info, err := os.Stat(file)
	if err != nil {
		return errors.Unwrap(err)
	}
	if current, err := os.Stat(database); err == nil && os.SameFile(info, current) {
		return errors.New("it is the database itself")
	}
	if !info.Mode().IsRegular() {
		return errors.New("it is no file that 'acmezone backup' has made")
	}
	if log, err := os.Stat(file + "-wal"); err == nil && log.Size() > 0 {
		return fmt.Errorf("it isn't whole without %s-wal: take a backup of 'acmezone backup'", file)
	}
	return nil
}

// join brings the copy to this version's schema and takes over from the database that
// it replaces what must not be forgotten: its serial, and which names were given out.
func (r *restore) join(ctx context.Context) error {
	opts := r.opts
	opts.Path = r.part
	w, err := openWriter(ctx, opts)
	if err != nil {
		return err
	}
	err = r.takeOver(ctx, w, opts)
	if err := errors.Join(err, w.close()); err != nil {
		return err
	}
	if err := settled(r.part); err != nil {
		return err
	}
	return syncPath(r.part)
}

func (r *restore) takeOver(ctx context.Context, w *writer, opts Options) error {
	serial, seq, err := w.loadState(opts)
	if err != nil {
		return err
	}
	edit := zone.NewSnapshot(serial, seq).Edit()
	edit.Raise(serial)
	if exists(r.opts.Path) {
		current, err := r.attach(ctx, w)
		switch {
		case err == nil:
			edit.Raise(current)
		case primaryCode(err) == sqlite3.SQLITE_BUSY:
			return explain(r.opts.Path, err)
		default:
			r.done.Unread = explain(r.opts.Path, err)
		}
	}
	r.done.Serial = uint32(edit.NextSerial(opts.Policy, opts.Now()))
	if err := r.write(w); err != nil {
		return err
	}
	if !r.attached() {
		return nil
	}
	return r.detach(ctx, w)
}

func (r *restore) attached() bool { return exists(r.opts.Path) && r.done.Unread == nil }

// attach opens the current database beside the copy and returns its serial.
func (r *restore) attach(ctx context.Context, w *writer) (serial zone.Serial, err error) {
	if _, err := w.conn.ExecContext(ctx, "ATTACH DATABASE ? AS former", r.opts.Path); err != nil {
		return 0, err
	}
	var app int
	var names, tokens int
	err = errors.Join(
		w.conn.QueryRowContext(ctx, "PRAGMA former.application_id").Scan(&app),
		w.conn.QueryRowContext(ctx, "SELECT serial FROM former.zone_state WHERE id = 1").Scan(&serial),
		w.conn.QueryRowContext(ctx, "SELECT count(*) FROM former.accounts, former.retired WHERE 0").Scan(&names),
		w.conn.QueryRowContext(ctx, "SELECT count(*) FROM former.tokens").Scan(&tokens),
	)
	if err == nil && app != applicationID {
		err = errors.New("it is no database of acmezone")
	}
	if err != nil {
		_, detached := w.conn.ExecContext(ctx, "DETACH DATABASE former")
		return 0, errors.Join(err, detached)
	}
	return serial, nil
}

// write is one transaction in the copy. A database that is damaged where the names are
// has told its serial all the same.
func (r *restore) write(w *writer) error {
	if _, err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if r.attached() {
		if err := r.remember(w); err != nil {
			r.done.Unread = explain(r.opts.Path, err)
			if _, err := w.exec("ROLLBACK; BEGIN IMMEDIATE"); err != nil {
				return err
			}
		}
	}
	if _, err := w.exec("UPDATE zone_state SET serial = ? WHERE id = 1", r.done.Serial); err != nil {
		return err
	}
	_, err := w.exec("COMMIT")
	return err
}

// remember keeps every name retired that was ever given out and isn't an account's.
func (r *restore) remember(w *writer) error {
	err := errors.Join(
		w.queryRow(`SELECT count(*) FROM accounts WHERE subdomain IN (SELECT owner FROM former.retired)`, nil, &r.done.Returned),
		w.queryRow(`SELECT count(*) FROM tokens WHERE id NOT IN (SELECT id FROM former.tokens)`, nil, &r.done.Tokens),
		// A bcrypt hash may as well have been replaced since its password was used.
		w.queryRow(`SELECT count(*) FROM main.accounts a JOIN former.accounts f USING (username)
			WHERE a.password <> f.password AND length(a.password) = length(f.password)`, nil, &r.done.Rotated),
	)
	if err != nil {
		return err
	}
	retired, err := w.exec(`INSERT OR IGNORE INTO retired (owner)
		SELECT subdomain FROM former.accounts WHERE subdomain NOT IN (SELECT subdomain FROM main.accounts)`)
	r.done.Retired = int(retired)
	if err == nil {
		_, err = w.exec("INSERT OR IGNORE INTO retired (owner) SELECT owner FROM former.retired")
	}
	return err
}

// detach carries the log of the current database into it, so that what is kept is one
// file, and so that no log is there to be taken for the new one's.
func (r *restore) detach(ctx context.Context, w *writer) error {
	for text, s := range w.statements { // those that hold it open
		if err := s.Close(); err != nil {
			return err
		}
		delete(w.statements, text)
	}
	var busy, frames, moved int
	if err := w.conn.QueryRowContext(ctx, "PRAGMA former.wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved); err != nil {
		return err
	}
	if busy != 0 {
		return fmt.Errorf("another program has %s open: end it first", r.opts.Path)
	}
	_, err := w.conn.ExecContext(ctx, "DETACH DATABASE former")
	return err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// settled proves that a database that was closed is whole by itself.
func settled(path string) error {
	info, err := os.Stat(path + "-wal")
	if err == nil && info.Size() > 0 {
		return fmt.Errorf("%s-wal is left", path)
	}
	return nil
}

// swap puts the copy into its place. Each step leaves the old database or the new one
// there: the old one gets a second name, what a log of it may hold goes there too, and
// then the new one takes its first name.
func (r *restore) swap() error {
	path := r.opts.Path
	kept, err := r.keep()
	if err != nil {
		return err
	}
	r.done.Kept = kept
	// Empty after detach; where the database couldn't be read, nothing that could be
	// used is lost to it.
	for _, suffix := range []string{"-journal", "-wal"} {
		if err := r.setAside(path+suffix, kept+suffix); err != nil {
			return err
		}
	}
	if err := os.Remove(path + "-shm"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(r.part, path); err != nil {
		return err
	}
	return syncPath(filepath.Dir(path))
}

// keep gives the current database a second name, and returns it.
func (r *restore) keep() (string, error) {
	for n := 1; ; n++ {
		kept := r.opts.Path + ".before-restore"
		if n > 1 {
			kept = fmt.Sprintf("%s-%d", kept, n)
		}
		err := os.Link(r.opts.Path, kept)
		switch {
		case errors.Is(err, fs.ErrExist):
			continue
		case errors.Is(err, fs.ErrNotExist):
			return "", nil
		case err != nil:
			return "", err
		}
		return kept, syncPath(filepath.Dir(kept))
	}
}

// setAside moves a log out of the way, to what it belongs to.
func (r *restore) setAside(log, kept string) error {
	info, err := os.Stat(log)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && (info.Size() == 0 || r.done.Kept == "") {
		return os.Remove(log)
	}
	return errors.Join(err, os.Rename(log, kept))
}
