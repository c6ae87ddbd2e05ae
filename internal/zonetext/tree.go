package zonetext

import (
	"errors"
)

// Tree is a zone file with all it includes. It is immutable: any number of
// goroutines may use it.
type Tree struct {
	apex  string
	files []*File
}

// Load reads the zone file of the zone apex at path, and what it includes. Relative
// paths, path itself too, are taken from dir, as NSD takes them from its zonesdir.
// read is how files are read: os.ReadFile in use. Includes are at most 10 deep,
// NSD's own limit; a loop is an error. The error says file and line.
func Load(path, dir, apex string, read func(path string) ([]byte, error)) (*Tree, error) {
	return nil, errors.New("not yet")
}

// Files returns the files in the order in which NSD reads them, the main one first;
// a file that is included twice is there twice. Name is the path that was read.
func (t *Tree) Files() []*File { return t.files }

// SOAFile returns the file whose text holds the SOA record of the apex. None, two, or
// one whose owner isn't the apex are errors.
func (t *Tree) SOAFile() (*File, error) { return nil, errors.New("not yet") }

// Signed reports whether a record is there that only signed zones have, and where:
// "DNSKEY at example.org. (zones/example.org:12)".
func (t *Tree) Signed() (where string, ok bool) { return "", false }

// Generate reports whether $GENERATE is used, which NSD before 4.10 rejects, and
// where: "zones/example.org:12".
func (t *Tree) Generate() (where string, ok bool) { return "", false }
