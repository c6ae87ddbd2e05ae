package attach

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/nsdctl"
	"github.com/acmezone/acmezone/internal/zone"
	"github.com/acmezone/acmezone/internal/zonetext"
)

// plan is the edit of one zone: what there is, and what is to be.
type plan struct {
	*request
	editor  *Editor
	nsd     *nsdctl.HandWritten
	answers []nsdctl.Answer // before the edit, NSD's own first

	main     string               // the zone file, as NSD's configuration names it
	files    map[string]*original // the zone's files as they were read, by path
	snippet  *snippet
	included bool // the zone includes the snippet
	old      *zonetext.Tree
	soaFile  *zonetext.File
	serial   zone.Serial // of the files as they were read
	next     zone.Serial // of the edit

	records        map[string]*dns.CNAME // what the snippet is to hold
	lines          map[string][]lineEdit // by path
	added, removed []dns.RR
	texts          map[string][]byte // what the zone's files are to hold, where that changes
	warnings       []string
}

// lineEdit changes the lines of a file.
type lineEdit func(*zonetext.File) []byte

// read reads all files of the zone, and refuses a zone that isn't to be edited.
func (p *plan) read() error {
	var err error
	if p.snippet, err = p.editor.readSnippet(p.zone); err != nil {
		return err
	}
	p.main, p.files = p.nsd.ZoneFile, make(map[string]*original)
	p.old, err = zonetext.Load(p.main, p.nsd.ZonesDir, p.zone, p.readFile)
	if err != nil {
		return fmt.Errorf("%w: it isn't touched", err)
	}
	if where, is := p.old.Generate(); is {
		return fmt.Errorf("it uses $GENERATE (%s), which NSD reads in some versions only: it isn't touched; write the records out, or put the CNAME in by hand", where)
	}
	if where, is := p.old.Signed(); is {
		return fmt.Errorf("it is signed (%s), so an edit here would break the signatures: put the CNAME into the zone that is signed, 'acmezone cname' prints it", where)
	}
	if p.soaFile, err = p.old.SOAFile(); err != nil {
		return err
	}
	soa, _ := p.soaFile.SOA() // SOAFile has found one
	p.serial, p.next = soa.Serial, soa.Serial
	for _, f := range p.old.Files() {
		p.included = p.included || f.Name() == p.snippet.file.path
	}
	p.records, p.lines = maps.Clone(p.snippet.records), make(map[string][]lineEdit)
	return nil
}

// readFile notes what it reads. A snippet that is gone is an empty one, so that it can
// be written anew.
func (p *plan) readFile(path string) ([]byte, error) {
	if path == p.snippet.file.path {
		return p.snippet.file.text, nil
	}
	o, err := readOriginal(path)
	if err != nil {
		return nil, err
	}
	p.files[path] = o
	return o.text, nil
}

// decide finds out what has to be done, in the files alone.
func (p *plan) decide() error {
	var missing []*dns.CNAME
	for _, owner := range sortedKeys(p.wanted) {
		cname := p.wanted[owner]
		if cname == nil {
			if err := p.takeOut(owner); err != nil {
				return err
			}
			continue
		}
		there, err := p.inPlace(cname)
		if err != nil {
			return err
		}
		if !there {
			missing = append(missing, cname)
		}
	}
	p.dropInclude()
	return p.putIn(missing)
}

// inPlace reports whether the zone has the CNAME; anything else in its place is an error.
func (p *plan) inPlace(cname *dns.CNAME) (bool, error) {
	obstacle := p.old.Obstacle(cname.Hdr.Name)
	if obstacle != nil && obstacle.Kind == zonetext.ObstacleCNAME && obstacle.Data == cname.Target {
		return true, nil
	}
	kept := p.snippet.records[cname.Hdr.Name]
	domain := strings.TrimSuffix(strings.TrimPrefix(cname.Hdr.Name, challengeLabel), ".")
	switch {
	case kept != nil && !strings.EqualFold(kept.Target, cname.Target):
		return false, fmt.Errorf("%s has a CNAME to %s already (%s): if that is of no use any more, type 'acmezone detach %s' first", kept.Hdr.Name, kept.Target, p.snippet.file.path, domain)
	case obstacle == nil:
		return false, nil
	case obstacle.Kind == zonetext.ObstacleCNAME || obstacle.Kind == zonetext.ObstacleData:
		return false, fmt.Errorf("%s: take it out first, if it is of no use any more", obstacle)
	}
	return false, errors.New(obstacle.String())
}

// putIn plans the CNAMEs that the zone doesn't have.
func (p *plan) putIn(missing []*dns.CNAME) error {
	if len(missing) == 0 {
		return nil
	}
	if p.editor.Inline {
		for _, cname := range missing {
			p.line(p.main, func(f *zonetext.File) []byte { return f.WithLine(cname.String()) })
			p.added = append(p.added, cname)
		}
		return nil
	}
	if dir := filepath.Clean(p.nsd.Chroot); p.nsd.Chroot != "" && dir != "/" {
		return fmt.Errorf("NSD shuts itself into %s (chroot:) and wouldn't find what its zones include: set nsd.attach_mode = \"inline\"", dir)
	}
	for _, cname := range missing {
		p.records[cname.Hdr.Name] = cname
		if p.included {
			p.added = append(p.added, cname)
		}
	}
	if !p.included {
		p.include()
	}
	return nil
}

// include plans the line, and what comes into the zone with it: all that the snippet
// holds, such as after a deployment that took the line out of the zone file.
func (p *plan) include() {
	for _, owner := range sortedKeys(p.records) {
		if obstacle := p.old.Obstacle(owner); obstacle != nil {
			delete(p.records, owner)
			p.warn("a CNAME at %s that was attached before is dropped: %s", owner, obstacle)
			continue
		}
		p.added = append(p.added, p.records[owner])
	}
	p.line(p.main, func(f *zonetext.File) []byte { return f.WithLine(p.snippet.includeLine()) })
}

// takeOut plans that a name has no CNAME any more that attach has written.
func (p *plan) takeOut(owner string) error {
	found := false
	if kept := p.records[owner]; kept != nil {
		delete(p.records, owner)
		found = true
		if p.included {
			p.removed = append(p.removed, kept)
		}
	}
	isOurs := func(line string) bool { return p.attachedLine(line, owner) != nil }
	for path, o := range p.files {
		file, err := zonetext.Parse(path, o.text, p.zone)
		if err != nil {
			return err
		}
		_, n := file.WithoutLines(func(line string) bool {
			if rr := p.attachedLine(line, owner); rr != nil {
				p.removed = append(p.removed, rr)
				return true
			}
			return false
		})
		if n > 0 {
			found = true
			p.line(path, func(f *zonetext.File) []byte { text, _ := f.WithoutLines(isOurs); return text })
		}
	}
	obstacle := p.old.Obstacle(owner)
	if !found && obstacle != nil && obstacle.Kind == zonetext.ObstacleCNAME {
		return fmt.Errorf("%s, which acmezone didn't write: take it out by hand", obstacle)
	}
	return nil
}

// attachedLine returns the CNAME of a line as attach writes it into a zone file: on one
// line, with an absolute owner, into acmezone's own zone. Nil for any other.
func (p *plan) attachedLine(line, owner string) *dns.CNAME {
	if !strings.HasPrefix(strings.ToLower(line), challengeLabel) || strings.Contains(line, "\n") {
		return nil
	}
	rr, err := dns.NewRR(line)
	cname, is := rr.(*dns.CNAME)
	if err != nil || !is || dns.CanonicalName(cname.Hdr.Name) != owner || !strings.HasSuffix(strings.Fields(line)[0], ".") ||
		!dns.IsSubDomain(dns.CanonicalName(p.editor.Apex), cname.Target) {
		return nil
	}
	return cname
}

// dropInclude takes the line out again with the last CNAME.
func (p *plan) dropInclude() {
	if !p.included || len(p.records) > 0 || !p.detaches() {
		return
	}
	for path := range p.files {
		p.line(path, func(f *zonetext.File) []byte { text, _ := f.WithoutLines(p.snippet.isIncludeLine); return text })
	}
}

// detaches reports whether the request is to take something out.
func (p *plan) detaches() bool {
	for _, cname := range p.wanted {
		return cname == nil
	}
	return false
}

func (p *plan) line(path string, edit lineEdit) { p.lines[path] = append(p.lines[path], edit) }

func (p *plan) warn(format string, args ...any) {
	p.warnings = append(p.warnings, fmt.Sprintf(format, args...))
}

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

// closer refuses a zone that isn't the closest that NSD has: what is written into it
// would never be answered.
func (p *plan) closer(ctx context.Context) error {
	zones, err := p.nsd.Zones(ctx)
	if err != nil {
		return err
	}
	for _, z := range zones {
		z = dns.CanonicalName(z)
		for owner := range p.wanted {
			if z != p.zone && dns.IsSubDomain(p.zone, z) && dns.IsSubDomain(z, owner) {
				return fmt.Errorf("NSD has the zone %s, which %s lies in: add that one to nsd.attach_zones", zoneName(z), owner)
			}
		}
	}
	return nil
}
