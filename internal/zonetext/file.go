package zonetext

import "github.com/acmezone/acmezone/internal/zone"

// File is the text of one zone file, taken apart but never rewritten. It is
// immutable: any number of goroutines may use it.
type File struct {
	name string
	text []byte
}

// Parse takes a file apart. name is for messages, origin the absolute name that is
// the $ORIGIN at its beginning. File keeps text, which must not be changed any more.
// The error says the line, and what stands there that NSD wouldn't read as others do.
func Parse(name string, text []byte, origin string) (*File, error) {
	return &File{name: name, text: text}, nil
}

// Name returns the name that Parse was given; in a Tree, the file's path.
func (f *File) Name() string { return f.name }

// Text returns the text as it is. The caller must not change it.
func (f *File) Text() []byte { return f.text }

// SOA is an SOA record in a file's text.
type SOA struct {
	Owner  string // absolute, lower case
	Serial zone.Serial
	Line   int // of the serial, from 1

	start, end int // the serial's digits
}

// SOA returns the first SOA record in this file itself, not in what it includes.
func (f *File) SOA() (SOA, bool) { return SOA{}, false }

// WithSerial returns the text with another serial in the record that SOA returns:
// only the digits change. Where they begin with zeros, the number keeps its width.
// It returns the text as it is if there is no SOA.
func (f *File) WithSerial(next zone.Serial) []byte { return f.text }

// Include is an $INCLUDE directive.
type Include struct {
	Path   string // as written, quotes and escapes resolved
	Origin string // absolute: the one it gives, or the one in force
	Line   int    // from 1
}

// Includes returns the $INCLUDE directives in the order of the text.
func (f *File) Includes() []Include { return nil }

// WithLine returns the text with a line (without its newline) at the end, where it
// can't change what any other line means. The names in it must be absolute, and a
// record must have owner and TTL, as an $ORIGIN or $TTL may be in force there. A
// newline that is missing before it is added, in the line ending that the file has.
func (f *File) WithLine(line string) []byte { return f.text }

// WithoutLines returns the text without the lines that match, and how many those
// were. Each line is given without its newline; a record or directive over several
// lines is one. Nothing else is touched, so a record without an owner after one that
// is removed gets another owner: SameBut tells.
func (f *File) WithoutLines(match func(line string) bool) ([]byte, int) { return f.text, 0 }
