package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"syscall"

	"github.com/acmezone/acmezone/internal/client"
	"github.com/acmezone/acmezone/internal/flock"
)

// accountFile is a JSON map from domain to account that clients read (accountMap).
// What it holds besides stays as it is. One process at a time changes it.
type accountFile struct {
	path string
	lock *os.File
	all  map[string]json.RawMessage
}

// openAccountFile reads the file, which need not be there yet, and keeps other
// commands from changing it until close. It waits for them until ctx is done.
func openAccountFile(ctx context.Context, path string) (*accountFile, error) {
	path, err := replaceable(path)
	if err != nil {
		return nil, err
	}
	f := &accountFile{path: path, all: make(map[string]json.RawMessage)}
	// The folder is locked, since the file is replaced.
	folder := filepath.Dir(path)
	if f.lock, err = os.Open(folder); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("--storage: there is no folder %s: type 'install -d -m 0700 %[1]s'", folder)
	} else if err != nil {
		return nil, fmt.Errorf("--storage: %w", err)
	}
	if err := flock.Take(ctx, f.lock); err != nil {
		return nil, errors.Join(fmt.Errorf("--storage: locking the folder of %s: %w", path, err), f.close())
	}
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f, nil
	case err != nil:
		return nil, errors.Join(fmt.Errorf("--storage: %w", err), f.close())
	case len(text) == 0:
		return f, nil
	}
	if err := json.Unmarshal(text, &f.all); err != nil || f.all == nil {
		return nil, errors.Join(fmt.Errorf("--storage: %s is no JSON map from domain to account: name another file", path), f.close())
	}
	return f, nil
}

// replaceable returns where the file really is. Since it is replaced as a whole, nothing
// else can stand there: /dev/null would be an ordinary file from then on, and reading a
// pipe has no end.
func replaceable(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return "", usagef("--storage: %s is no ordinary file: name one, which is made if it isn't there", path)
	case err == nil:
		return filepath.EvalSymlinks(path)
	case !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("--storage: %w", err)
	}
	if info, err = os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return "", usagef("--storage: %s is a symbolic link to a file that isn't there: make that, empty, or name it itself", path)
	}
	return path, nil
}

// holds reports whether the domain's account in the file is the one with that user name;
// what is left of another one is of no use to a client.
func (f *accountFile) holds(domain, username string) bool {
	var account client.Stored
	return json.Unmarshal(f.all[domain], &account) == nil && account.Username == username
}

// put writes the credentials into the file, and it is on the disk when put returns. If
// it can't be written, it is as it was, and so is what a later put writes.
func (f *accountFile) put(all []credentials) error {
	before := maps.Clone(f.all)
	for domain, account := range accountMap(all) {
		text, err := json.Marshal(account)
		if err != nil {
			return err
		}
		f.all[domain] = text
	}
	err := f.write()
	if err != nil {
		f.all = before
	}
	return err
}

// drop takes domains out of the file again.
func (f *accountFile) drop(domains []string) error {
	for _, domain := range domains {
		delete(f.all, domain)
	}
	return f.write()
}

// restore makes the file hold what it held before.
func (f *accountFile) restore(all map[string]json.RawMessage) error {
	f.all = all
	return f.write()
}

// write replaces the file, which only its owner may read, as a whole.
func (f *accountFile) write() error {
	text, err := json.MarshalIndent(f.all, "", "  ")
	if err != nil {
		return err
	}
	part := f.path + ".part"
	if err := f.writePart(part, append(text, '\n')); err != nil {
		return errors.Join(fmt.Errorf("--storage: %w", err), ignoreMissing(os.Remove(part)))
	}
	if err := os.Rename(part, f.path); err != nil {
		return errors.Join(fmt.Errorf("--storage: %w", err), ignoreMissing(os.Remove(part)))
	}
	return f.lock.Sync() // the lock is the folder
}

func (f *accountFile) writePart(part string, text []byte) error {
	if err := ignoreMissing(os.Remove(part)); err != nil {
		return err
	}
	w, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return errors.Join(err, f.keepOwner(w), w.Sync(), w.Close())
}

// keepOwner gives the new file to whom the old one belongs, with the same rights: a
// client that runs as another user has to read it after root has written it.
func (f *accountFile) keepOwner(w *os.File) error {
	info, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		if err := w.Chown(int(st.Uid), int(st.Gid)); err != nil {
			return err
		}
	}
	return w.Chmod(info.Mode().Perm())
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// close lets others at the file.
func (f *accountFile) close() error { return f.lock.Close() }
