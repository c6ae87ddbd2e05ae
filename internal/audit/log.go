package audit

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"
)

// Options of a log.
type Options struct {
	Path     string           // "": entries are dropped, until Move
	Database string           // the database's path: who owns its folder owns a new log
	Log      *slog.Logger     // takes what keeps lines from being written
	Now      func() time.Time // nil: time.Now
}

// Log is the open audit log. A nil Log is one that isn't wanted: it takes entries and
// drops them. Its methods may be called by any number of goroutines.
type Log struct {
	opts Options

	mu    sync.Mutex // held during a write, so that the inode check and the write are one
	path  string     // "": entries are dropped
	file  *file      // nil after a failure, until it can be opened again
	bound bound

	// What is told of the log has a lock of its own: a disk that hangs in a write must not
	// keep anybody from seeing so.
	told  sync.Mutex
	fault error // of the last write
	stats Stats
	since time.Time // when the write under way began; zero for none
}

// stuckAfter is how long a write may take before it counts as a fault.
const stuckAfter = 5 * time.Second

// Stats are counts since the start.
type Stats struct {
	Written uint64
	Failed  uint64 // lines that could not be written
	LeftOut uint64 // refusals beyond the bound
}

// Open opens the log, or makes it. It starts no goroutine.
func Open(opts Options) (*Log, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	l := &Log{opts: opts}
	first, err := l.Prepare(opts.Path)
	if err != nil {
		return nil, err
	}
	l.path, l.file = first.path, first.file
	return l, nil
}

// advice says what an operator can do about it.
func advice(err error) string {
	switch {
	case errors.Is(err, os.ErrNotExist):
		return ": make its folder, for the user that the service runs as"
	case errors.Is(err, syscall.EROFS):
		return ": if a systemd unit protects it, add its folder to ReadWritePaths="
	case errors.Is(err, os.ErrPermission):
		return fmt.Sprintf(": let user %d, that this runs as, write it, or name another file", os.Geteuid())
	}
	return ""
}

// Write appends an entry, unless it is a refusal beyond the bound. The line is in the
// file, though not synced to the disk, when Write returns. What can't be written is
// said in the log, once, and by Fault; it stops nobody's work.
func (l *Log) Write(e Entry) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.path == "" {
		return
	}
	now := l.opts.Now()
	if e.Result == Refused && !l.bound.admits(now) {
		l.told.Lock()
		l.stats.LeftOut++
		l.told.Unlock()
		return
	}
	l.sayLeftOut(now, false)
	l.append(e, now)
}

// sayLeftOut writes how many lines were left out; with l.mu held.
func (l *Log) sayLeftOut(now time.Time, last bool) {
	if n := l.bound.leftOut(now, last); n > 0 {
		l.append(Entry{Event: "left_out", Result: Refused, Count: n}, now)
	}
}

// append writes a line; with l.mu held.
func (l *Log) append(e Entry, now time.Time) {
	l.begin(now)
	line, err := e.line(now)
	if err == nil {
		err = l.write(line)
	}
	l.note(err)
}

func (l *Log) begin(now time.Time) {
	l.told.Lock()
	defer l.told.Unlock()
	l.since = now
}

// write takes up the file that is at the path now, which after a rotation is another.
func (l *Log) write(line []byte) error {
	if l.file != nil && l.file.moved(l.path) {
		l.drop()
	}
	if l.file == nil {
		f, err := open(l.path, l.opts.Database)
		if err != nil {
			return err
		}
		l.file = f
	}
	return l.file.write(line)
}

func (l *Log) drop() {
	_ = l.file.close() // its lines are written: nothing is buffered
	l.file = nil
}

// note keeps what came of a write, and says when a fault begins and ends.
func (l *Log) note(err error) {
	l.told.Lock()
	before := l.fault
	l.fault, l.since = err, time.Time{}
	if err != nil {
		l.stats.Failed++
	} else {
		l.stats.Written++
	}
	l.told.Unlock()
	switch {
	case err != nil && before == nil:
		l.opts.Log.Error("the audit log takes no lines: what is changed from now on is not in it", "file", l.path, "err", err)
	case err == nil && before != nil:
		l.opts.Log.Info("the audit log takes lines again", "file", l.path)
	}
}

// Fault returns why the last line could not be written, or that one is being written for
// suspiciously long; nil if all is well. It never waits for the disk.
func (l *Log) Fault() error {
	if l == nil {
		return nil
	}
	l.told.Lock()
	defer l.told.Unlock()
	if l.fault != nil {
		return fmt.Errorf("the audit log takes no lines: %w", l.fault)
	}
	if l.since.IsZero() {
		return nil
	}
	if took := l.opts.Now().Sub(l.since); took > stuckAfter {
		return fmt.Errorf("the audit log has been writing a line for %v: is the disk stuck?", took.Round(time.Second))
	}
	return nil
}

// Stats returns the counts so far. It never waits for the disk.
func (l *Log) Stats() Stats {
	if l == nil {
		return Stats{}
	}
	l.told.Lock()
	defer l.told.Unlock()
	return l.stats
}

// Close writes what is still to be said and closes the file.
func (l *Log) Close() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.leave()
}
