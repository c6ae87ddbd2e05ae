package attach

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/nsdctl"
	"github.com/acmezone/acmezone/internal/zone"
	"github.com/acmezone/acmezone/internal/zonetext"
)

// edit does what is requested of one zone.
func (e *Editor) edit(ctx context.Context, r *request) (*Result, error) {
	p, err := e.open(ctx, r)
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("nothing was changed: %w", context.Cause(ctx))
	case err != nil:
		return nil, err
	}
	if !e.DryRun {
		release, err := lockFolder(ctx, p.nsd.ZoneFile, orDefault(e.LockWait, defaultLockWait))
		if err != nil {
			return nil, err
		}
		defer release()
	}
	if err := firstOf(p.closer, p.read, p.decide); err != nil {
		return nil, err
	}
	p.answers = p.nsd.Serials(ctx)
	if err := p.makeTexts(ctx); err != nil {
		return nil, err
	}
	if err := p.unshared(); err != nil {
		return nil, err
	}
	if err := p.checkCommitted(ctx); err != nil {
		return nil, err
	}
	result := p.result()
	if !e.DryRun {
		err = p.carryOut(ctx, result)
	}
	if err != nil && len(result.Confirmed) == 0 {
		return nil, err // nobody answers it
	}
	result.Warnings = append(result.Warnings, p.warnings...)
	return result, err
}

func firstOf(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// open finds the zone in NSD, which must run: its word isn't needed for a dry run.
func (e *Editor) open(ctx context.Context, r *request) (*plan, error) {
	if !filepath.IsAbs(e.SnippetDir) {
		return nil, fmt.Errorf("nsd.snippet_dir: %q is not an absolute path", e.SnippetDir)
	}
	nsd, err := nsdctl.OpenZone(ctx, e.NSD, r.zone)
	if err != nil {
		return nil, err
	}
	if !e.DryRun {
		if err := nsd.Running(ctx); err != nil {
			return nil, fmt.Errorf("nothing was changed: %w", err)
		}
	}
	neighbours, err := nsd.Neighbours(ctx)
	return &plan{request: r, editor: e, nsd: nsd, neighbours: neighbours}, err
}

// makeTexts chooses the serial and makes the new texts. Where the files have everything
// already, and a server answers something else with the same serial, an edit was cut off
// half-way, and a new serial completes it.
func (p *plan) makeTexts(ctx context.Context) error {
	next := p.serial
	if p.changesZone() || p.isHalfDone(ctx) {
		next = zonetext.NextSerial(p.serial, p.known(), p.editor.now())
	}
	return p.write(next)
}

// known returns the serials to go beyond. One that can't be right isn't followed.
func (p *plan) known() []zone.Serial {
	var known []zone.Serial
	for _, a := range p.answers {
		if a.Err == nil && p.plausible(a) {
			known = append(known, a.Serial)
		}
	}
	return known
}

func (p *plan) plausible(a nsdctl.Answer) bool { return a.Serial.Plausible(p.serial, p.editor.now()) }

// isHalfDone compares what servers of the file's serial answer with what is wanted. An
// NSD that is ahead of the file would never be left behind by the others.
func (p *plan) isHalfDone(ctx context.Context) bool {
	for i, a := range p.answers {
		switch {
		case a.Err != nil:
		case i == 0 && !p.serial.Reached(a.Serial) && p.plausible(a):
			return true
		case a.Serial == p.serial:
			if said, _ := p.said(ctx, a.Server); said != "" { // no answer says nothing
				return true
			}
		}
	}
	return false
}

// differs says what a server answers otherwise than is wanted, "" for nothing.
func (p *plan) differs(ctx context.Context, server string) (string, error) {
	for _, owner := range sortedKeys(p.wanted) {
		got, err := p.nsd.Target(ctx, server, owner)
		switch wanted := p.wanted[owner]; {
		case err != nil:
			return "", err
		case wanted == nil && got != "" && dns.IsSubDomain(dns.CanonicalName(p.editor.Apex), got): // a wildcard's is no matter
			return fmt.Sprintf("%s still answers the CNAME at %s", server, owner), nil
		case wanted != nil && got == "":
			return fmt.Sprintf("%s answers no CNAME at %s", server, owner), nil
		case wanted != nil && got != wanted.Target:
			return fmt.Sprintf("%s answers a CNAME at %s to %s", server, owner, got), nil
		}
	}
	return "", nil
}

// said is differs for a server that may be at a reload: a connection that is cut off, as
// while a server replaces its processes, is tried again.
func (p *plan) said(ctx context.Context, server string) (string, error) {
	said, err := p.differs(ctx, server)
	for tries := 1; err != nil && tries < 5 && ctx.Err() == nil; tries++ {
		said, err = p.differs(ctx, server)
	}
	return said, err
}

// answersIt returns an error if a server of the right serial doesn't answer what is
// wanted.
func (p *plan) answersIt(ctx context.Context, server string) error {
	said, err := p.said(ctx, server)
	if said != "" {
		err = errors.New(said)
	}
	if err != nil {
		return fmt.Errorf("serial %d is there, and yet %w", p.next, err)
	}
	return nil
}

func (p *plan) checkCommitted(ctx context.Context) error {
	for _, path := range p.editedPaths() {
		if err := p.uncommitted(ctx, p.files[path]); err != nil {
			return err
		}
	}
	return nil
}

func (p *plan) result() *Result {
	slices.Sort(p.domains)
	return &Result{
		Zone: zoneName(p.zone), Domains: p.domains, Serial: p.next, Changes: p.changes(),
		Confirmed: []string{}, Warnings: []string{},
	}
}
