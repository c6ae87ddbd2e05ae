package attach

import (
	"context"
	"fmt"
)

// replaced is a file that has taken another's place.
type replaced struct{ old, now *original }

// undo goes back to the old files where NSD has lost the zone over the new ones.
func (p *plan) undo(done []replaced, cause error) error {
	ctx, cancel := context.WithTimeout(context.Background(), orDefault(p.editor.Patience, defaultPatience))
	defer cancel()
	cause = fmt.Errorf("%w after the edit, though nsd-checkzone found no fault: see NSD's log", cause)
	if err := p.putBack(done); err != nil {
		return fmt.Errorf("%w; the old files could not be put back: %w", cause, err)
	}
	if err := p.files[p.main].touch(); err != nil {
		return fmt.Errorf("%w; the old files are back, and yet: %w", cause, err)
	}
	err := p.nsd.Reload(ctx)
	if err == nil {
		err = p.nsd.Prove(ctx, p.serial, false)
	}
	if err != nil {
		return fmt.Errorf("%w; the old files are back, and yet: %w", cause, err)
	}
	return fmt.Errorf("%w; the old files are back, and served", cause)
}

// putBack puts the old files in their places again, the zone file first, unless somebody
// else has changed them meanwhile. Where one can't be put back, those that it may include
// stay.
func (p *plan) putBack(done []replaced) error {
	for i := len(done) - 1; i >= 0; i-- {
		if err := done[i].putBack(); err != nil {
			return err
		}
	}
	return nil
}

func (r replaced) putBack() error {
	if r.old.info == nil {
		return r.now.remove()
	}
	if err := r.now.prepare(r.old.text); err != nil {
		return err
	}
	_, err := r.now.install(r.old.text)
	return err
}
