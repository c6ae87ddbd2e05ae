package audit

import (
	"fmt"
	"time"
)

// Place is a file that is open for a log to go on in. One goroutine uses it.
type Place struct {
	path string
	file *file // nil: entries are dropped
}

// Prepare opens a file, or makes it, for entries to be appended to from a Move on; with ""
// they are dropped then. Nothing changes before.
func (l *Log) Prepare(path string) (*Place, error) {
	if path == "" {
		return &Place{}, nil
	}
	f, err := open(path, l.opts.Database)
	if err != nil {
		return nil, fmt.Errorf("the audit log: %w%s", err, advice(err))
	}
	return &Place{path, f}, nil
}

// Close gives a place up, unless a log has moved there. That of a nil Place does nothing.
func (p *Place) Close() {
	if p != nil && p.file != nil {
		_ = p.file.close() // nothing was written
		p.file = nil
	}
}

// Move has entries go there from now on. What is still to be said in the old file is
// written, and the file closed. It waits for an entry that is being written.
func (l *Log) Move(to *Place) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.leave() // its lines are written: nothing is buffered
	l.path, l.file, to.file = to.path, to.file, nil
	l.told.Lock()
	defer l.told.Unlock()
	l.fault, l.since = nil, time.Time{}
}

// leave ends the file that is in use; with l.mu held.
func (l *Log) leave() error {
	if l.path == "" {
		return nil
	}
	l.sayLeftOut(l.opts.Now(), true)
	if l.file == nil {
		return nil
	}
	err := l.file.close()
	l.file = nil
	return err
}
