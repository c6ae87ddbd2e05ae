package attach

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zonetext"
)

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
	if said := p.distrust(); said != "" && p.included && len(p.records) > 0 {
		p.warn("%s: name a folder of root's own in nsd.snippet_dir", said)
	}
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
	if err := p.trustworthy(); err != nil {
		return err
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
