package zonetext

import (
	"fmt"
	"iter"
	"slices"
)

// step is a record or $TTL or $GENERATE, as NSD comes to it.
type step struct {
	*entry
	file   *File
	name   string // the owner, absolute and in lower case
	origin string // the one in force
}

// steps walks through the files as NSD does: the owner goes on from file to file, and
// so does what $TTL says; the origin comes back at an included file's end.
func (t *Tree) steps() iter.Seq[step] {
	return func(yield func(step) bool) {
		owner := t.apex
		t.root.walk(&owner, yield)
	}
}

func (n *node) walk(owner *string, yield func(step) bool) bool {
	included := n.included
	for i := range n.file.entries {
		e := &n.file.entries[i]
		origin := n.file.origins[e.origin]
		if e.kind == isInclude {
			if !included[0].walk(owner, yield) {
				return false
			}
			included = included[1:]
			continue
		}
		if !e.owner.empty() {
			*owner = absolute(n.file.at(e.owner), origin)
		}
		if e.kind != isOrigin && !yield(step{e, n.file, *owner, origin}) {
			return false
		}
	}
	return true
}

// records are the steps that are records.
func (t *Tree) records() iter.Seq[step] {
	return func(yield func(step) bool) {
		for s := range t.steps() {
			if s.kind == isRecord && !yield(s) {
				return
			}
		}
	}
}

// place is where a step stands, for messages.
func (s step) place() string { return fmt.Sprintf("%s:%d", s.file.name, s.line) }

func (s step) typeName() string { return typeName(unquoted(s.file.at(s.rrtype))) }

func (s step) isType(name string) bool { return isType(unquoted(s.file.at(s.rrtype)), name) }

// data gives the fields after the type.
func (s step) data() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for field := range s.fields() {
			if field.start >= s.rrtype.end && !yield(s.file.at(field)) {
				return
			}
		}
	}
}

// fields reads the step again from its beginning, where no parenthesis is open.
func (s step) fields() iter.Seq[span] {
	return func(yield func(span) bool) {
		again := &scanner{text: s.file.text[:s.whole.end], pos: s.whole.start, line: s.line}
		for field, ok := again.field(); ok && yield(field); field, ok = again.field() {
		}
	}
}

// target returns the name that a record with one name has for data.
func (s step) target() string {
	for field := range s.data() {
		return absolute(field, s.origin)
	}
	return ""
}

// SOAFile returns the file whose text holds the SOA record of the apex. None, two, or
// one whose owner isn't the apex are errors.
func (t *Tree) SOAFile() (*File, error) {
	var found []step
	for s := range t.records() {
		if s.isType("SOA") {
			found = append(found, s)
		}
	}
	switch {
	case len(found) == 0:
		return nil, fmt.Errorf("%s: there is no SOA record in it", t.root.file.name)
	case len(found) > 1:
		return nil, fmt.Errorf("%s: an SOA record, after the one at %s", found[1].place(), found[0].place())
	case found[0].name != t.apex:
		return nil, fmt.Errorf("%s: the SOA record is that of %s, not of %s", found[0].place(), found[0].name, t.apex)
	}
	return found[0].file, nil
}

// Signed reports whether a record is there that only signed zones have, and where:
// "DNSKEY at example.org. (zones/example.org:12)".
func (t *Tree) Signed() (where string, ok bool) {
	for s := range t.records() {
		if name := s.typeName(); slices.Contains(onlySigned, name) {
			return fmt.Sprintf("%s at %s (%s)", name, s.name, s.place()), true
		}
	}
	return "", false
}

// Generate reports whether $GENERATE is used, which NSD before 4.10 rejects, and
// where: "zones/example.org:12".
func (t *Tree) Generate() (where string, ok bool) {
	for s := range t.steps() {
		if s.kind == isGenerate {
			return s.place(), true
		}
	}
	return "", false
}
