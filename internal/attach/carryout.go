package attach

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/acmezone/acmezone/internal/nsdctl"
)

// replaced is a file that has taken another's place.
type replaced struct{ old, now *original }

// carryOut writes what the plan has, has NSD load it and proves that it is served. The
// order is such that a crash after any step leaves files that NSD can read, and that the
// same request, made again, completes it:
//
//  1. the snippet; NSD reads it only with a zone file of another time
//  2. nsd-checkzone reads the new zone file
//  3. the file with the SOA record, if that is another one
//  4. the zone file
//  5. reload, proof, and if NSD has lost the zone over it, the old files again
//  6. a snippet that isn't included any more goes
func (p *plan) carryOut(ctx context.Context, result *Result) error {
	p.distrust()
	done, err := p.replaceFiles(ctx)
	if err != nil {
		return errors.Join(err, p.putBack(done))
	}
	if err := p.serve(ctx, done); err != nil {
		return err
	}
	result.Confirmed = append(result.Confirmed, p.answers[0].Server)
	err = p.confirm(ctx, result)
	if p.snippetText() == nil && p.snippet.file.info != nil {
		err = errors.Join(err, p.snippet.file.remove())
	}
	return firstError(err, p.editor.step("cleaned"))
}

// replaceFiles does all up to the zone file. With an error it returns what was replaced
// before.
func (p *plan) replaceFiles(ctx context.Context) (done []replaced, err error) {
	if p.changesSnippet() && p.snippetText() != nil {
		if err := p.makeFolder(); err != nil {
			return nil, err
		}
		if done, err = p.replace(done, p.snippet.file, p.snippetText(), "snippet"); err != nil {
			return done, err
		}
	}
	if len(p.texts) == 0 && len(done) == 0 {
		return nil, nil
	}
	main := p.files[p.main]
	text, edited := p.texts[p.main]
	if !edited {
		text = main.text
	}
	if err := p.check(ctx, main, text); err != nil {
		return done, err
	}
	for path, text := range p.texts {
		if path != p.main {
			if done, err = p.replace(done, p.files[path], text, "part"); err != nil {
				return done, err
			}
		}
	}
	if edited {
		return p.replace(done, main, text, "zone file")
	}
	return done, nil
}

// check has NSD's own checker read what is to be the zone file, beside the old one.
func (p *plan) check(ctx context.Context, main *original, text []byte) error {
	if err := main.prepare(text); err != nil {
		return err
	}
	defer main.discard()
	if err := p.editor.step("check prepared"); err != nil {
		return err
	}
	if err := p.nsd.Check(ctx, main.beside()); err != nil {
		said := strings.ReplaceAll(err.Error(), main.beside(), main.path)
		return fmt.Errorf("NSD could not read the zone with the edit, so nothing was changed: %s", said)
	}
	return p.editor.step("checked")
}

// replace has a new file take the place of an old one.
func (p *plan) replace(done []replaced, old *original, text []byte, what string) ([]replaced, error) {
	if err := old.prepare(text); err != nil {
		return done, err
	}
	if err := firstError(p.readable(old), p.editor.step(what+" prepared")); err != nil {
		old.discard()
		return done, err
	}
	now, err := old.install(text)
	if now != nil {
		done = append(done, replaced{old, now})
	}
	return done, firstError(err, p.editor.step(what+" installed"))
}

// readable reports what would keep NSD's user from reading a file that is prepared. One
// that goes by other rules, such as a list of who may read it (acl(5)), is as the old one.
func (p *plan) readable(old *original) error {
	if old.info != nil && p.nsd.Readable(old.real, old.real) != nil {
		return nil
	}
	return p.nsd.Readable(old.beside(), old.real)
}

// makeFolder makes the folder of snippets, which NSD's user has to enter.
func (p *plan) makeFolder() error {
	dir := p.editor.SnippetDir
	err := os.Mkdir(dir, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("nsd.snippet_dir: %w: type 'install -d -m 0755 %s'", err, dir)
	}
	return os.Chmod(dir, 0o755) // whatever the umask is
}

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
	if err := firstError(p.nsd.Reload(ctx), p.nsd.Prove(ctx, p.serial, false)); err != nil {
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

// distrust warns where somebody else than root could write what root has NSD include.
func (p *plan) distrust() {
	if !p.changesSnippet() || p.snippetText() == nil {
		return
	}
	for dir := p.editor.SnippetDir; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err == nil && replaceable(info) {
			p.warn("%s can be written by others than root, who so can put anything into the zone %s: name a folder of root's own in nsd.snippet_dir", dir, zoneName(p.zone))
			return
		}
		if dir == filepath.Dir(dir) {
			return
		}
	}
}

func replaceable(dir os.FileInfo) bool {
	st, ok := dir.Sys().(*syscall.Stat_t)
	writable := dir.Mode().Perm()&0o022 != 0 && dir.Mode()&fs.ModeSticky == 0
	return writable || ok && st.Uid != 0 && int(st.Uid) != os.Geteuid()
}
