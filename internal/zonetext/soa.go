package zonetext

import (
	"fmt"
	"strconv"

	"github.com/acmezone/acmezone/internal/zone"
)

// SOA is an SOA record in a file's text.
type SOA struct {
	Owner  string // absolute, lower case
	Serial zone.Serial
	Line   int // of the serial, from 1

	start, end int // the serial's digits
}

// SOA returns the first SOA record in this file itself, not in what it includes. An
// owner that stands in the file that includes this one isn't known here and taken for
// the origin.
func (f *File) SOA() (SOA, bool) {
	if f.soa == nil {
		return SOA{}, false
	}
	soa := *f.soa
	owner, ok := f.ownerOf(f.soaEntry)
	if !ok {
		owner = f.origins[0]
	}
	soa.Owner = owner
	return soa, true
}

// WithSerial returns the text with another serial in the record that SOA returns:
// only the digits change. Where they begin with zeros, the number keeps its width.
// It returns a copy of the text if there is no SOA.
func (f *File) WithSerial(next zone.Serial) []byte {
	if f.soa == nil {
		return append([]byte(nil), f.text...)
	}
	digits := strconv.FormatUint(uint64(next), 10)
	if f.text[f.soa.start] == '0' {
		digits = fmt.Sprintf("%0*d", f.soa.end-f.soa.start, next)
	}
	return f.spliced(f.soa.start, f.soa.end, digits)
}

func (f *File) spliced(start, end int, with string) []byte {
	text := make([]byte, 0, len(f.text)+len(with))
	text = append(text, f.text[:start]...)
	text = append(text, with...)
	return append(text, f.text[end:]...)
}

// soaFields are those of an SOA record: two names, the serial, four times (RFC 1035,
// section 3.3.13).
const soaFields = 7

// parseSOA reads the data of the first SOA record.
func (f *File) parseSOA(s *scanner, e *entry) bool {
	var serial span
	line, count := s.line, 0
	for field, ok := s.field(); ok; field, ok = s.field() {
		if count++; count == 3 {
			serial, line = field, s.line
		}
	}
	switch {
	case s.err != nil:
	case count != soaFields:
		s.failAt(e.line, fmt.Sprintf("an SOA record with %d values, not %d: a parenthesis may be missing", count, soaFields))
	default:
		f.soaEntry = len(f.entries)
		f.soa = f.readSerial(s, serial, line)
	}
	return s.err == nil
}

// readSerial takes plain digits, which may stand in quotes.
func (f *File) readSerial(s *scanner, field span, line int) *SOA {
	digits := unquoted(f.at(field))
	number, err := strconv.ParseUint(string(digits), 10, 32)
	if err != nil || !allDigits(digits) {
		s.failAt(line, fmt.Sprintf("the serial %.40q is no plain number up to 4294967295", f.at(field)))
		return nil
	}
	margin := (field.end - field.start - len(digits)) / 2
	return &SOA{Serial: zone.Serial(number), Line: line, start: field.start + margin, end: field.end - margin}
}
