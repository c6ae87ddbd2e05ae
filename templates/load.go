package templates

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
)

// Load returns the embedded templates, each replaced by the file of the same name if
// dir has one. With dir "", or one that isn't there, they are the embedded ones. A
// file that acmezone has no use for, one that doesn't parse, and one that fails with
// example data are errors, in one line that names the file and, where there is one,
// the line.
func Load(dir string) (*Set, error) {
	found, err := overrides(dir)
	if err != nil {
		return nil, err
	}
	return embedded.with(found)
}

// override is a file that takes the place of an embedded template.
type override struct {
	path string
	info fs.FileInfo
}

// overrides looks what a folder holds. Hidden files are left alone: editors make some
// beside the one that is being edited.
func overrides(dir string) ([]override, error) {
	if dir == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var found []override
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".tmpl") || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		o, err := inspect(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		found = append(found, o)
	}
	return found, nil
}

func inspect(path string) (override, error) {
	if embedded.byName[filepath.Base(path)] == nil {
		names := slices.Sorted(maps.Keys(embedded.byName))
		return override{}, fmt.Errorf("%s: there is no template of that name; there are %s", path, strings.Join(names, ", "))
	}
	info, err := os.Stat(path) // what a link leads to
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a file", path)
	}
	return override{path, info}, err
}

// with returns the set with files in the place of some of its templates.
func (s *Set) with(found []override) (*Set, error) {
	set := &Set{maps.Clone(s.byName)}
	for _, o := range found {
		text, err := os.ReadFile(o.path)
		if err != nil {
			return nil, err
		}
		t, err := parse(o.path, string(text))
		if err != nil {
			return nil, err
		}
		set.byName[filepath.Base(o.path)] = t
	}
	return set, set.try()
}

// parse takes files from other systems too, with a byte order mark and CRLF.
func parse(name, text string) (*template.Template, error) {
	text = strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n")
	t, err := template.New(name).Parse(text)
	if err != nil {
		return nil, readable(err, name, nil)
	}
	return t, nil
}

// try renders every template with example data.
func (s *Set) try() error {
	for _, d := range examples {
		if _, err := s.text(d); err != nil {
			return err
		}
	}
	return nil
}

// parseEmbedded panics on what only a mistake in the program can be.
func parseEmbedded() *Set {
	set := &Set{make(map[string]*template.Template)}
	names, _ := fs.Glob(files, "*.tmpl") // no error: the pattern is right
	for _, name := range names {
		text, _ := files.ReadFile(name) // no error: it is in the program
		set.byName[name] = template.Must(parse(name, string(text)))
	}
	return set
}
