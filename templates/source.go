package templates

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
)

// Source hands out the templates of a folder as they are now. Any number of
// goroutines may use it.
type Source struct {
	dir     string
	refused func(error)
	version atomic.Pointer[version]
}

// version is what the folder held when somebody looked last.
type version struct {
	set   *Set
	state string // of the files then
	fault string // why they are not what set is made of, or ""
}

// NewSource returns a source of the folder's templates; see Load for what may be in
// it. When it holds a version that can't be used, refused is called with the reason,
// once, by whoever asks for templates at that time.
func NewSource(dir string, refused func(error)) *Source {
	s := &Source{dir: dir, refused: refused}
	s.version.Store(&version{set: embedded})
	return s
}

// Current returns the templates of the files as they are now. While those can't be
// used, it returns the ones from before, at first the embedded ones. It looks at the
// folder each time, which takes microseconds; so nothing has to watch it.
func (s *Source) Current() *Set {
	was := s.version.Load()
	found, err := overrides(s.dir)
	state := stateOf(found)
	if err == nil && was.fault == "" && state == was.state {
		return was.set
	}
	now := was.next(found, state, err)
	if !s.version.CompareAndSwap(was, now) {
		return s.version.Load().set // somebody else looked at the same time
	}
	if now.fault != "" && now.fault != was.fault {
		s.refused(errors.New(now.fault))
	}
	return now.set
}

func (v *version) next(found []override, state string, err error) *version {
	set := v.set
	if err == nil {
		set, err = embedded.with(found)
	}
	if err != nil {
		return &version{v.set, state, err.Error()}
	}
	return &version{set, state, ""}
}

// stateOf differs when the files do: their names, sizes or times.
func stateOf(found []override) string {
	var b strings.Builder
	for _, o := range found {
		fmt.Fprintf(&b, "%s %d %d\n", o.path, o.info.Size(), o.info.ModTime().UnixNano())
	}
	return b.String()
}
