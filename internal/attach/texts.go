package attach

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zone"
	"github.com/acmezone/acmezone/internal/zonetext"
)

// snippetText is what the snippet is to hold; nil: it is to go.
func (p *plan) snippetText() []byte {
	if maps.EqualFunc(p.records, p.snippet.records, func(a, b *dns.CNAME) bool { return dns.IsDuplicate(a, b) }) && p.snippet.file.info != nil && len(p.records) > 0 {
		return p.snippet.file.text // be it written by another version
	}
	return p.snippet.text(p.records)
}

func (p *plan) changesSnippet() bool {
	return !bytes.Equal(p.snippetText(), p.snippet.file.text) || p.snippetText() == nil && p.snippet.file.info != nil
}

// changesZone reports whether the files say that the zone gets or loses something.
func (p *plan) changesZone() bool { return len(p.added)+len(p.removed) > 0 }

// write makes the new texts, with the next serial, and proves by the DNS library that
// they say what the old ones do, but for what was asked for.
func (p *plan) write(next zone.Serial) error {
	p.next, p.texts = next, make(map[string][]byte)
	if next != p.serial {
		p.texts[p.soaFile.Name()] = p.soaFile.WithSerial(next)
	}
	for path, edits := range p.lines {
		for _, edit := range edits {
			text, begun := p.texts[path]
			if !begun {
				text = p.files[path].text
			}
			file, err := zonetext.Parse(path, text, p.zone)
			if err != nil {
				return err
			}
			p.texts[path] = edit(file)
		}
	}
	maps.DeleteFunc(p.texts, func(path string, text []byte) bool { return bytes.Equal(text, p.files[path].text) })
	return p.compare()
}

func (p *plan) compare() error {
	fresh, err := zonetext.Load(p.main, p.nsd.ZonesDir, p.zone, func(path string) ([]byte, error) {
		if text, changed := p.texts[path]; changed {
			return text, nil
		}
		if path == p.snippet.file.path {
			return p.snippetText(), nil
		}
		if o := p.files[path]; o != nil {
			return o.text, nil
		}
		return nil, fmt.Errorf("%s: %w", path, os.ErrNotExist)
	})
	if err == nil {
		err = zonetext.SameBut(p.old, fresh, p.added, p.removed)
	}
	if err != nil {
		return fmt.Errorf("the edit would change more than it should, so nothing was changed: %w", err)
	}
	return nil
}

// changes lists the files that become others, the zone file first and the snippet last.
func (p *plan) changes() []Change {
	var all []Change
	for _, path := range p.editedPaths() {
		all = append(all, Change{Path: path, Name: p.nameOf(p.files[path]), Old: p.files[path].text, New: p.texts[path]})
	}
	if p.changesSnippet() {
		path := p.snippet.file.path
		c := Change{Path: path, Name: strings.TrimPrefix(path, "/"), New: p.snippetText(), Snippet: true}
		if p.snippet.file.info != nil {
			c.Old = append([]byte{}, p.snippet.file.text...)
		}
		all = append(all, c)
	}
	return all
}

// nameOf is a file's name for a patch.
func (p *plan) nameOf(o *original) string {
	for _, from := range [][2]string{{workTree(o.real), o.real}, {p.nsd.ZonesDir, o.path}} {
		if name, err := filepath.Rel(from[0], from[1]); err == nil && from[0] != "" && filepath.IsLocal(name) {
			return filepath.ToSlash(name)
		}
	}
	return strings.TrimPrefix(o.path, "/")
}

// editedPaths are those of the zone's files, the zone file first.
func (p *plan) editedPaths() []string {
	var paths []string
	if _, edited := p.texts[p.main]; edited {
		paths = append(paths, p.main)
	}
	for _, path := range sortedKeys(p.texts) {
		if path != p.main {
			paths = append(paths, path)
		}
	}
	return paths
}
