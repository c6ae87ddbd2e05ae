package attach

import (
	"context"
	"errors"
	"fmt"

	"github.com/acmezone/acmezone/internal/nsdctl"
)

// serve has NSD load the files, unless it answers what they say, and proves it.
func (p *plan) serve(ctx context.Context, done []replaced) error {
	own := p.answers[0]
	served := own.Err == nil
	if served && own.Serial != p.serial && p.serial.Reached(own.Serial) {
		p.warn("NSD answered serial %d, and the zone file had %d: what else was changed in it since NSD read it is served now as well", own.Serial, p.serial)
	}
	ctx, cancel := context.WithTimeout(ctx, orDefault(p.editor.Patience, defaultPatience))
	defer cancel()
	if p.next != p.serial || !served || own.Serial != p.serial {
		if err := p.reload(ctx); err != nil {
			return fmt.Errorf("the files are in place and NSD has not loaded them; type the same command again: %w", err)
		}
	}
	if err := p.nsd.Prove(ctx, p.next, served); err != nil {
		if served && nsdctl.Lost(err) && len(done) > 0 {
			return p.undo(done, err)
		}
		return fmt.Errorf("the files are in place and NSD doesn't answer what they say: %w: see NSD's log, and type the same command again", err)
	}
	if err := p.answersIt(ctx, own.Server); err != nil {
		return err
	}
	return p.editor.step("proved")
}

// reload gives the zone file a later time where the serial is in another file: an NSD
// before 4.11 looks at no other.
func (p *plan) reload(ctx context.Context) error {
	if _, edited := p.texts[p.main]; !edited {
		if err := p.files[p.main].touch(); err != nil {
			return err
		}
	}
	if err := p.nsd.Reload(ctx); err != nil {
		return err
	}
	return p.editor.step("reloaded")
}

// confirm waits for the servers that NSD notifies.
func (p *plan) confirm(ctx context.Context, result *Result) error {
	ctx, cancel := context.WithTimeout(ctx, orDefault(p.editor.Patience, defaultPatience))
	defer cancel()
	hopeless := make(map[string]bool)
	for _, a := range p.answers[1:] {
		if a.Err == nil && !p.plausible(a) {
			hopeless[a.Server] = true
			p.warn("%s answers serial %d, which can't be right and is not followed: it takes no zone of %d until 'nsd-control force_transfer %s' is typed there", a.Server, a.Serial, p.next, zoneName(p.zone))
		}
	}
	var errs []error
	for _, a := range p.nsd.ProveOthers(ctx, p.next, func(server string) bool { return hopeless[server] }) {
		if a.Err == nil {
			a.Err = p.answersIt(ctx, a.Server)
		}
		switch {
		case a.Err == nil:
			result.Confirmed = append(result.Confirmed, a.Server)
		case nsdctl.Silent(a.Err) && p.editor.SkipSilent:
			p.warn("it isn't known whether %s has it: %v", a.Server, a.Err)
		default:
			errs = append(errs, fmt.Errorf("the edit is in place and NSD answers it, but not everybody does: %w", a.Err))
		}
	}
	return errors.Join(append(errs, p.editor.step("confirmed"))...)
}
