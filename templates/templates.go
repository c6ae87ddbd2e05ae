// Package templates holds the texts that acmezone writes for people: comments and
// snippets. Records themselves are never rendered by a template.
package templates

import (
	"embed"
	"io"
	"text/template"
)

//go:embed *.tmpl
var files embed.FS

var all = template.Must(template.ParseFS(files, "*.tmpl"))

// ZoneHeader is what zone-header.tmpl is given.
type ZoneHeader struct {
	Zone      string // without the dot at the end
	Serial    uint32
	LiveNames int
}

// WriteZoneHeader writes the comment at the head of a zone file.
func WriteZoneHeader(w io.Writer, h ZoneHeader) error {
	return all.ExecuteTemplate(w, "zone-header.tmpl", h)
}
