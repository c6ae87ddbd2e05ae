// Package templates holds the texts that acmezone writes for people: comments and
// snippets, each of which an operator may replace by a file. Records themselves are
// never rendered by a template: it is given them as lines, and sets comments around
// them.
package templates

import (
	"embed"
	"fmt"
	"io"
	"strings"
	"text/template"
)

//go:embed *.tmpl
var files embed.FS

var embedded = parseEmbedded()

// Set holds one template for each purpose. It is immutable; any number of goroutines
// may use it.
type Set struct {
	byName map[string]*template.Template
}

// Embedded returns the templates that are part of the program.
func Embedded() *Set { return embedded }

// ZoneHeader writes the comment at the head of a zone file. A template that fails
// only now, with these data, gives way to the embedded one: no comment must keep
// values from being published. So errors are those of w.
func (s *Set) ZoneHeader(w io.Writer, h ZoneHeader) error {
	text, fault := s.text(h)
	if fault != nil {
		var err error
		if text, err = embedded.text(h); err != nil {
			return err
		}
		text = fmt.Sprintf("; Not used: %q\n", fault.Error()) + text
	}
	_, err := io.WriteString(w, text)
	return err
}

// Delegation writes the records for the parent zone.
func (s *Set) Delegation(w io.Writer, d Delegation) error { return s.render(w, d) }

// NSDStanza writes the zone's part of an nsd.conf.
func (s *Set) NSDStanza(w io.Writer, z NSDStanza) error { return s.render(w, z) }

// CNAME writes the record that a customer's zone needs.
func (s *Set) CNAME(w io.Writer, c CNAME) error { return s.render(w, c) }

func (s *Set) render(w io.Writer, d data) error {
	text, err := s.text(d)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, text)
	return err
}

// text renders the whole before any of it is written. It ends with its line: what is
// written after it must not become part of a comment.
func (s *Set) text(d data) (string, error) {
	t := s.byName[d.file()]
	var b strings.Builder
	if err := t.Execute(&b, d); err != nil {
		return "", readable(err, t.Name(), d)
	}
	text := b.String()
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	if err := d.check(text); err != nil {
		return "", fmt.Errorf("%s: %w", t.Name(), err)
	}
	return text, nil
}
