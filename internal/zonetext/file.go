package zonetext

import (
	"bytes"
	"fmt"
)

// File is the text of one zone file, taken apart but never rewritten. It is
// immutable: any number of goroutines may use it.
type File struct {
	name     string
	text     []byte
	entries  []entry
	origins  []string // those in force one after the other, the one at the beginning first
	includes []Include
	soa      *SOA
	soaEntry int
}

// entry is a record or a directive.
type entry struct {
	kind   kind
	line   int  // its first, from 1
	whole  span // its lines, with the last newline
	owner  span // empty: that of the record before
	rrtype span // of $TTL: its value
	origin int  // index of the origin in force after it
}

type kind uint8

const (
	isRecord kind = iota
	isTTLDirective
	isOrigin
	isInclude
	isGenerate
)

// Parse takes a file apart. name is for messages, origin the absolute name that is
// the $ORIGIN at its beginning. File keeps text, which must not be changed any more.
// The error says the line, and what stands there that NSD refuses or name servers
// read in several ways.
func Parse(name string, text []byte, origin string) (*File, error) {
	f := &File{name: name, text: text, origins: []string{absolute([]byte(origin), ".")}}
	err := firstFault(text)
	if err == nil {
		err = f.parse()
	}
	if err != nil {
		return nil, fmt.Errorf("%s:%w", name, err)
	}
	return f, nil
}

// firstFault looks for what no zone file has.
func firstFault(text []byte) error {
	if bytes.HasPrefix(text, []byte("\xef\xbb\xbf")) {
		return &fault{1, "a byte order mark, which NSD takes for part of a name: save the file as UTF-8 without one"}
	}
	if at := bytes.IndexByte(text, 0); at >= 0 {
		return &fault{1 + bytes.Count(text[:at], []byte("\n")), "a NUL byte: a zone file is plain text"}
	}
	return nil
}

func (f *File) parse() error {
	f.entries = make([]entry, 0, bytes.Count(f.text, []byte("\n"))+1)
	s := &scanner{text: f.text, line: 1}
	for s.pos < len(s.text) && s.err == nil {
		e := entry{line: s.line, whole: span{start: s.pos}, origin: len(f.origins) - 1}
		if !f.parseEntry(s, &e) {
			continue
		}
		e.whole.end = s.pos
		f.entries = append(f.entries, e)
	}
	return s.err
}

// parseEntry reports whether there is more on the line than blanks and comments.
func (f *File) parseEntry(s *scanner, e *entry) bool {
	switch roles[s.text[s.pos]] {
	case opening:
		s.fail("a parenthesis at the beginning of a line, where an owner belongs")
		return false
	case blank, newline, carriage, comment:
		return f.parseRecord(s, e)
	}
	if s.text[s.pos] == '$' {
		return f.parseDirective(s, e)
	}
	e.owner, _ = s.field()
	return s.err == nil && f.parseRecord(s, e)
}

// parseRecord reads what comes after the owner: TTL and class in either order, then
// the type and its data.
func (f *File) parseRecord(s *scanner, e *entry) bool {
	field, ok := s.field()
	for ok && f.isPrefix(field) {
		field, ok = s.field()
	}
	if !ok {
		return s.err == nil && !e.owner.empty()
	}
	if s.text[field.start] == '$' {
		s.fail("a directive must stand at the beginning of a line")
		return false
	}
	e.rrtype = field
	if f.soa == nil && isType(unquoted(f.at(field)), "SOA") {
		return f.parseSOA(s, e)
	}
	for ok {
		_, ok = s.field()
	}
	return s.err == nil
}

func (f *File) isPrefix(field span) bool {
	word := unquoted(f.at(field))
	return isTTL(word) || isClass(word)
}

func (f *File) at(s span) []byte { return f.text[s.start:s.end] }

// ownerOf returns the owner of the entry at an index, which may stand in a line before
// it; ok is false if that would be in another file.
func (f *File) ownerOf(index int) (owner string, ok bool) {
	for ; index >= 0; index-- {
		if e := &f.entries[index]; !e.owner.empty() {
			return absolute(f.at(e.owner), f.origins[e.origin]), true
		}
	}
	return "", false
}

// Name returns the name that Parse was given; in a Tree, the file's path.
func (f *File) Name() string { return f.name }

// Text returns the text as it is. The caller must not change it.
func (f *File) Text() []byte { return f.text }
