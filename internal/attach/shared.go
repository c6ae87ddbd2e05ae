package attach

import (
	"bytes"
	"fmt"
	"os"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zonetext"
)

// unshared refuses to change a file that NSD reads another zone from as well: as parked
// domains may have one zone file for all, or an SOA record that each of them includes.
// Others' zone files are read only where it is an included file that is edited: there may
// be a hundred thousand of them.
func (p *plan) unshared() error {
	edited := p.editedPaths()
	deep := len(edited) > 1 || len(edited) == 1 && edited[0] != p.main
	for _, n := range p.neighbours {
		if dns.CanonicalName(n.Zone) == p.zone || n.File == "" {
			continue
		}
		for _, path := range edited {
			if p.files[path].is(n.File) {
				return fmt.Errorf("%s is the zone file of %s as well, which the edit would change too, so nothing was changed: give %s a zone file of its own, which may include what they share", path, zoneName(n.Zone), zoneName(p.zone))
			}
		}
		if !deep {
			continue
		}
		if shared, by := p.includedBy(n.File, n.Zone, edited); shared != "" {
			return fmt.Errorf("%s is included by %s as well, so the edit would change the zone %s too, and nothing was changed: write into the zone file of %s itself what the edit has to change there, such as the SOA record", shared, by, zoneName(n.Zone), zoneName(p.zone))
		}
	}
	return nil
}

// is reports whether a path leads to this very file, be it by links.
func (o *original) is(path string) bool {
	if path == o.path || path == o.real {
		return true
	}
	info, err := os.Stat(path)
	return err == nil && o.info != nil && os.SameFile(info, o.info)
}

// includedBy returns which of the edited files another zone includes, and the zone file
// that does. What can't be read here isn't NSD's either.
func (p *plan) includedBy(file, name string, edited []string) (shared, by string) {
	o, err := readOriginal(file)
	if err != nil || !bytes.Contains(bytes.ToUpper(o.text), []byte("$INCLUDE")) {
		return "", ""
	}
	tree, err := zonetext.Load(file, p.nsd.ZonesDir, dns.Fqdn(name), func(path string) ([]byte, error) {
		o, err := readOriginal(path)
		if err != nil {
			return nil, err
		}
		return o.text, nil
	})
	if err != nil {
		return "", ""
	}
	for _, f := range tree.Files() {
		for _, path := range edited {
			if p.files[path].is(f.Name()) {
				return path, file
			}
		}
	}
	return "", ""
}
