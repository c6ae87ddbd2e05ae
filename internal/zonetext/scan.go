package zonetext

import (
	"bytes"
	"fmt"
)

// scanner walks through a text field by field, as NSD's lexer does (zlexer.lex of
// NSD 4.6.1): a field is what stands between blanks, line ends within parentheses,
// and parentheses. What several name servers read in several ways is an error.
type scanner struct {
	text []byte
	pos  int
	line int   // of pos, from 1
	open int   // the line of the parenthesis that is open, 0 for none
	err  error // ends the walk
}

// span is a part of the text.
type span struct{ start, end int }

func (s span) empty() bool { return s.start == s.end }

// role is what a byte does outside quotes.
type role uint8

const (
	ordinary role = iota
	blank
	newline
	carriage
	comment
	opening
	closing
	quote
	escape
)

var roles = [256]role{
	' ': blank, '\t': blank, '\n': newline, '\r': carriage, ';': comment,
	'(': opening, ')': closing, '"': quote, '\\': escape,
}

// field returns the next field of the record or directive; false at its end, when
// the scanner stands behind its newline, or at a fault.
func (s *scanner) field() (span, bool) {
	for s.pos < len(s.text) {
		switch roles[s.text[s.pos]] {
		case blank:
			s.pos++
		case newline:
			s.newline()
			if s.open == 0 {
				return span{}, false
			}
		case carriage:
			if s.carriage(); s.err != nil {
				return span{}, false
			}
		case comment:
			s.comment()
		case opening, closing:
			if s.parenthesis(); s.err != nil {
				return span{}, false
			}
		default:
			return s.word()
		}
	}
	if s.open != 0 {
		s.failAt(s.open, "the parenthesis that opens here isn't closed")
	}
	return span{}, false
}

func (s *scanner) newline() {
	s.pos++
	s.line++
}

// carriage passes the first half of a CRLF. Alone, a carriage return ends a record
// for NSD, and is nothing at all for others.
func (s *scanner) carriage() {
	if s.pos+1 == len(s.text) || s.text[s.pos+1] != '\n' {
		s.fail("a carriage return without a line feed: end lines with LF or CRLF")
		return
	}
	s.pos++
}

// comment passes everything up to the line feed: carriage returns too.
func (s *scanner) comment() {
	if end := bytes.IndexByte(s.text[s.pos:], '\n'); end >= 0 {
		s.pos += end
		return
	}
	s.pos = len(s.text)
}

func (s *scanner) parenthesis() {
	opens := s.text[s.pos] == '('
	switch {
	case opens && s.open != 0:
		s.fail("a parenthesis within parentheses")
	case !opens && s.open == 0:
		s.fail("a closing parenthesis that none has opened")
	case opens:
		s.open = s.line
	default:
		s.open = 0
	}
	s.pos++
}

// word passes a field, which may be made of quoted and unquoted parts.
func (s *scanner) word() (span, bool) {
	start := s.pos
	if s.text[start] == '$' && s.open != 0 && s.lineBegins(start) {
		s.fail("a $ at the beginning of a line within parentheses, where NSD looks for a directive")
	}
	for s.pos < len(s.text) && s.err == nil {
		switch roles[s.text[s.pos]] {
		case ordinary:
			s.pos++
		case quote:
			s.quoted()
		case escape:
			s.escaped()
		default:
			return s.finished(start)
		}
	}
	return s.finished(start)
}

func (s *scanner) finished(start int) (span, bool) {
	if string(s.text[start:s.pos]) == `\[` {
		s.fail(`a bit label (\[), which is obsolete and refused by NSD`)
	}
	return span{start, s.pos}, s.err == nil
}

func (s *scanner) lineBegins(at int) bool { return at == 0 || s.text[at-1] == '\n' }

// escaped passes a backslash and what it escapes. After a backslash that is itself
// escaped NSD 4.6.1 goes on within the word whatever comes (its lexer takes the
// longest match), where everybody else ends it.
func (s *scanner) escaped() {
	rest := s.text[s.pos+1:]
	switch {
	case len(rest) == 0 || rest[0] == '\n' || rest[0] == '\r':
		s.fail("a backslash at the end of a line")
	case rest[0] == '\\' && (len(rest) == 1 || endsWord(rest[1])):
		s.fail(`an escaped backslash (\\) at the end of a word, which NSD 4.6.1 reads in a way of its own: write it as \092`)
	}
	s.pos += 2
}

func endsWord(c byte) bool { return c == '.' || roles[c] != ordinary && roles[c] != escape }

// quoted passes a quoted string, over several lines if need be.
func (s *scanner) quoted() {
	begun := s.line
	for s.pos++; s.pos < len(s.text); s.pos++ {
		switch s.text[s.pos] {
		case '"':
			s.pos++
			return
		case '\n':
			s.line++
		case '\\':
			if s.pos++; s.pos < len(s.text) && s.text[s.pos] == '\n' {
				s.line++
			}
		}
	}
	s.pos = len(s.text)
	s.failAt(begun, "the quote that opens here isn't closed")
}

func (s *scanner) fail(what string) { s.failAt(s.line, what) }

// failAt keeps the first fault.
func (s *scanner) failAt(line int, what string) {
	if s.err == nil {
		s.err = &fault{line, what}
	}
}

// fault is what is wrong with a line.
type fault struct {
	line int
	what string
}

func (f *fault) Error() string { return fmt.Sprintf("%d: %s", f.line, f.what) }
