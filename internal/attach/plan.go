package attach

import (
	"fmt"
	"maps"

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
	// neighbours are all zones of NSD's, this one among them.
	neighbours []nsdctl.Neighbour

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

func (p *plan) line(path string, edit lineEdit) { p.lines[path] = append(p.lines[path], edit) }

func (p *plan) warn(format string, args ...any) {
	p.warnings = append(p.warnings, fmt.Sprintf(format, args...))
}

// closer refuses a zone that isn't the closest that NSD has: what is written into it
// would never be answered.
func (p *plan) closer() error {
	for _, n := range p.neighbours {
		z := dns.CanonicalName(n.Zone)
		for owner := range p.wanted {
			if z != p.zone && dns.IsSubDomain(p.zone, z) && dns.IsSubDomain(z, owner) {
				return fmt.Errorf("NSD has the zone %s, which %s lies in: add that one to nsd.attach_zones", zoneName(z), owner)
			}
		}
	}
	return nil
}
