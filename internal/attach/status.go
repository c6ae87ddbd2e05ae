package attach

import (
	"context"
	"errors"
	"fmt"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/nsdctl"
	"github.com/acmezone/acmezone/internal/zone"
	"github.com/acmezone/acmezone/internal/zonetext"
)

// Status is what the files say of a domain.
type Status struct {
	Zone   string // the attach zone it lies in
	Owner  string // absolute
	Target string // of the CNAME that the zone has, absolute; "" for none
	File   string // where that stands
	Line   int
	// Lost is where the CNAME leads that was attached and that the zone has lost since, as
	// by a deployment that took the $INCLUDE out of the zone file: 'acmezone attach' puts
	// it in again. "" if none is known.
	Lost string
}

// Attached finds out whether a domain's CNAME is in the zone files, and changes nothing.
// A domain outside of nsd.attach_zones is an error.
func (e *Editor) Attached(ctx context.Context, domain string) (Status, error) {
	apex, err := e.zoneOf(domain)
	if err != nil {
		return Status{}, err
	}
	s := Status{Zone: zoneName(apex), Owner: zone.ChallengeOwner(domain)}
	p, err := e.look(ctx, apex)
	if err != nil {
		return s, err
	}
	if o := p.old.Obstacle(s.Owner); o != nil && o.Kind == zonetext.ObstacleCNAME {
		s.Target, s.File, s.Line = o.Data, o.File, o.Line
	}
	if kept := p.snippet.records[s.Owner]; kept != nil && s.Target == "" {
		s.Lost = kept.Target
	}
	return s, nil
}

// look reads a zone's files.
func (e *Editor) look(ctx context.Context, apex string) (*plan, error) {
	nsd, err := nsdctl.OpenZone(ctx, e.NSD, apex)
	if err != nil {
		return nil, err
	}
	p := &plan{request: &request{zone: apex}, editor: e, nsd: nsd}
	return p, p.read()
}

// Inspect looks at each of the zones that may be edited, and changes nothing. It returns
// the paths of their files, by zone, and what would keep them from being edited.
func (e *Editor) Inspect(ctx context.Context) (files map[string]string, err error) {
	files = make(map[string]string)
	var errs []error
	for _, name := range e.Zones {
		apex := dns.CanonicalName(name)
		p, err := e.look(ctx, apex)
		if err != nil {
			errs = append(errs, fmt.Errorf("zone %s: %w", zoneName(apex), err))
			continue
		}
		files[zoneName(apex)] = p.main
	}
	return files, errors.Join(errs...)
}
