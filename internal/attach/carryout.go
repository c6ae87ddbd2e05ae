package attach

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

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
		return p.unreadable(ctx, main, err)
	}
	return p.editor.step("checked")
}

// unreadable says whether it is the edit over which NSD could not read the zone.
func (p *plan) unreadable(ctx context.Context, main *original, err error) error {
	said := strings.ReplaceAll(err.Error(), main.beside(), main.path)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("nothing was changed: %w", context.Cause(ctx))
	case p.nsd.Check(ctx, main.path) != nil:
		return fmt.Errorf("NSD can't read the zone as it is, so nothing was changed: mend it first: %s", said)
	}
	return fmt.Errorf("NSD could not read the zone with the edit, so nothing was changed: %s", said)
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
	made, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return fmt.Errorf("nsd.snippet_dir: %w", err)
	}
	return errors.Join(made.Chmod(0o755), made.Close()) // whatever the umask is
}
