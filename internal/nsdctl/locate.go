package nsdctl

import "time"

// locator knows where a server's processes are, if they can be seen at all, and looks
// for them anew when the server was started again. One goroutine uses it.
type locator struct {
	find  func() (family, bool)
	again time.Duration // between looks that found nothing

	found  family
	ok     bool
	looked time.Time
}

// servers returns the processes that answer now, nil where they can't be seen or told
// apart.
func (l *locator) servers() generation {
	if g := l.all(); !g.untitled() {
		return g
	}
	return nil
}

func (l *locator) all() generation {
	if l.ok && l.found.alive() {
		return l.found.servers()
	}
	if l.looked.IsZero() || l.ok || time.Since(l.looked) >= l.again {
		l.looked = time.Now()
		l.found, l.ok = l.find()
	}
	if !l.ok {
		return nil
	}
	return l.found.servers()
}
