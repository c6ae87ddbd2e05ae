package zonetext

import (
	"fmt"
	"path/filepath"
	"slices"
)

// Tree is a zone file with all it includes. It is immutable: any number of
// goroutines may use it.
type Tree struct {
	apex string
	root *node
}

// node is a file with what its $INCLUDE directives include, one after the other.
type node struct {
	file     *File
	included []*node
}

// NSD's own limit (MAXINCLUDES), and one against a few files that include each other
// a million times.
const (
	maxDepth = 10
	maxFiles = 1000
)

// Load reads the zone file of the zone apex at path, and what it includes. Relative
// paths, path itself too, are taken from dir, as NSD takes them from its zonesdir.
// read is how files are read: os.ReadFile in use. Includes are at most 10 deep,
// NSD's own limit, and a thousand in all; a loop is an error. The error says file and
// line.
func Load(path, dir, apex string, read func(path string) ([]byte, error)) (*Tree, error) {
	t := &Tree{apex: absolute([]byte(apex), ".")}
	l := &loader{dir: dir, read: read}
	var err error
	if t.root, err = l.load(l.resolve(path), t.apex); err != nil {
		return nil, err
	}
	return t, nil
}

type loader struct {
	dir   string
	read  func(path string) ([]byte, error)
	above []string // the files that are being read, each included by the one before
	count int
}

func (l *loader) resolve(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(l.dir, path)
}

func (l *loader) load(path, origin string) (*node, error) {
	text, err := l.read(path)
	if err != nil {
		return nil, err
	}
	file, err := Parse(path, text, origin)
	if err != nil {
		return nil, err
	}
	n := &node{file: file}
	l.above = append(l.above, path)
	for _, include := range file.includes {
		child, err := l.include(include)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: $INCLUDE: %w", path, include.Line, err)
		}
		n.included = append(n.included, child)
	}
	l.above = l.above[:len(l.above)-1]
	return n, nil
}

func (l *loader) include(include Include) (*node, error) {
	path := l.resolve(include.Path)
	l.count++
	switch {
	case slices.Contains(l.above, path):
		return nil, fmt.Errorf("%s includes itself", path)
	case len(l.above) > maxDepth:
		return nil, fmt.Errorf("more than %d deep, which NSD refuses", maxDepth)
	case l.count > maxFiles:
		return nil, fmt.Errorf("more than %d files in all", maxFiles)
	}
	return l.load(path, include.Origin)
}

// Files returns the files in the order in which NSD reads them, the main one first;
// a file that is included twice is there twice. Name is the path that was read.
func (t *Tree) Files() []*File { return t.root.files(nil) }

func (n *node) files(list []*File) []*File {
	list = append(list, n.file)
	for _, i := range n.included {
		list = i.files(list)
	}
	return list
}
