package nsdctl

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/acmezone/acmezone/internal/durable"
	"github.com/acmezone/acmezone/internal/zone"
	"github.com/acmezone/acmezone/internal/zonegen"
)

// zoneFile is the file that NSD reads. One goroutine uses it.
type zoneFile struct {
	path   string      // with symbolic links resolved
	left   os.FileInfo // as it was left here; nil if this process hasn't written it
	serial zone.Serial // of what was left
	served bool        // what was left was proved to be served
	seen   os.FileInfo // what the next file is to replace, nil for none
}

// openZoneFile finds the file behind the path of nsd.conf: a symbolic link is
// written through, not replaced.
func openZoneFile(path string) *zoneFile {
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		path = resolved
	}
	return &zoneFile{path: path}
}

// beside is a name in the same folder for the file's relatives.
func (f *zoneFile) beside(suffix string) string {
	return filepath.Join(filepath.Dir(f.path), "."+filepath.Base(f.path)+suffix)
}

// good is where the last file that was proved to be served stays when another takes its
// place.
func (f *zoneFile) good() string { return f.beside(".good") }

// untouched reports whether the file is the very one that was left here.
func (f *zoneFile) untouched() bool { return f.is(f.left) }

// is reports whether the file is still that one, unchanged.
func (f *zoneFile) is(one os.FileInfo) bool {
	now, err := os.Stat(f.path)
	return err == nil && one != nil && os.SameFile(now, one) &&
		now.ModTime().Equal(one.ModTime()) && now.Size() == one.Size()
}

// holds reports whether the file is as it was left, with that serial.
func (f *zoneFile) holds(serial zone.Serial) bool { return f.serial == serial && f.untouched() }

// readSerial returns the serial that is in the file, whoever wrote it; fs.ErrNotExist
// if there is none.
func (f *zoneFile) readSerial(apex string) (zone.Serial, error) {
	file, err := os.Open(f.path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	return zonegen.ReadSerial(file, apex)
}

// digest returns what the file says, as zonegen.Digest has it.
func (f *zoneFile) digest() ([32]byte, error) {
	file, err := os.Open(f.path)
	if err != nil {
		return [32]byte{}, err
	}
	defer file.Close()
	return zonegen.Digest(file)
}

// keepForeign keeps a file that isn't acmezone's own, or isn't as acmezone wrote it,
// beside the one to come, and returns the name it has there; "" if there is nothing
// to keep.
func (f *zoneFile) keepForeign() (string, error) {
	f.seen, _ = os.Stat(f.path) // none is as good as an error
	if f.untouched() {
		return "", nil
	}
	err := proven(f.path)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if !errors.Is(err, zonegen.ErrNoMark) && !errors.Is(err, zonegen.ErrAltered) {
		return "", err
	}
	kept := f.path + ".before-acmezone"
	for n := 2; ; n++ {
		err := os.Link(f.path, kept)
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported) {
			// The kernel lets nobody link a file that is somebody else's, and some file
			// systems nobody any file.
			err = copyFile(f.path, kept)
		}
		if !errors.Is(err, fs.ErrExist) {
			return kept, err
		}
		kept = fmt.Sprintf("%s.before-acmezone.%d", f.path, n)
	}
}

// copyFile copies a file to a name that isn't taken.
func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	if err = join(err, target.Sync(), target.Close()); err != nil {
		_ = os.Remove(to) // half of it is of no use
	}
	return err
}

// proven reads a file back and says whether it is whole.
func proven(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return zonegen.Proven(file, info.Size())
}

// replace puts a new file in the old one's place, so that there is one or the other,
// whole, whenever the power goes:
//
//	openat(.NAME.new, O_CREAT|O_EXCL) write fchmod fchown read fsync close
//	utimensat(.NAME.new) linkat(NAME, .NAME.good-new) renameat(.NAME.new, NAME)
//
// and, in settle, renameat(.NAME.good-new, .NAME.good) openat(FOLDER) fsync close. The inspection may refuse the new file
// before it takes the old one's place.
func (f *zoneFile) replace(serial zone.Serial, group int, inspection func(path string) error, write func(io.Writer) error) error {
	next := f.beside(".new")
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return f.explain(err)
	}
	file, err := os.OpenFile(next, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return f.explain(err)
	}
	err = join(f.fill(file, group, write), file.Close())
	if err == nil {
		err = inspection(next)
	}
	if err == nil {
		err = f.install(next, serial)
	}
	if err != nil {
		_ = os.Remove(next) // what couldn't be finished is of no use
		return f.explain(err)
	}
	return nil
}

// fill writes the file, proves what was written, and brings it to the disk.
func (f *zoneFile) fill(file *os.File, group int, write func(io.Writer) error) error {
	if err := write(file); err != nil {
		return err
	}
	if err := f.share(file, group); err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if err := zonegen.Proven(file, info.Size()); err != nil {
		return fmt.Errorf("what was written to it reads back otherwise: %w", err)
	}
	return file.Sync()
}

// share gives the file the mode and group of the one that it replaces, so that what
// an operator has set stays; a new one is for NSD's group if that can be had, else
// for everybody: there are no secrets in a zone.
func (f *zoneFile) share(file *os.File, group int) error {
	mode := fs.FileMode(0o644)
	if old, err := os.Stat(f.path); err == nil {
		mode = old.Mode().Perm() | 0o600
		if st, ok := old.Sys().(*syscall.Stat_t); ok {
			group = int(st.Gid)
		}
	} else if group >= 0 && file.Chown(-1, group) == nil {
		mode = 0o640
	}
	if group >= 0 {
		if err := file.Chown(-1, group); err != nil && mode&0o004 == 0 {
			return fmt.Errorf("its group can't be set to %d, and without it NSD couldn't read it: %w", group, err)
		}
	}
	return file.Chmod(mode)
}

// install makes it the file that NSD reads. NSD passes over a file whose time of
// change is that of the one it has loaded, so it must be later than the old one's.
func (f *zoneFile) install(next string, serial zone.Serial) error {
	if err := durable.Later(next, f.path); err != nil {
		return err
	}
	if err := f.keepGood(); err != nil {
		return err
	}
	if now, _ := os.Stat(f.path); (now != nil || f.seen != nil) && !f.is(f.seen) {
		return errors.New("it was changed by somebody else just now: the next try keeps what is there")
	}
	if err := os.Rename(next, f.path); err != nil {
		return err
	}
	left, err := os.Stat(f.path)
	f.left, f.serial, f.served = left, serial, false
	return err
}

// keepGood keeps a file that is being served when another is to take its place; settle
// gives it its name. A file system without links does without.
func (f *zoneFile) keepGood() error {
	if !f.served || !f.untouched() {
		return nil
	}
	next := f.beside(".good-new")
	err := os.Link(f.path, next)
	if errors.Is(err, fs.ErrExist) { // left behind by a crash
		err = join(os.Remove(next), os.Link(f.path, next))
	}
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}

// settle brings the change of names to the disk: it can go on while NSD reads the file,
// since until then there is the old file or the new one.
func (f *zoneFile) settle() error {
	err := os.Rename(f.beside(".good-new"), f.good())
	if errors.Is(err, fs.ErrNotExist) { // there was none to keep
		err = nil
	}
	if err := join(err, durable.SyncFolder(f.path)); err != nil {
		return f.explain(err)
	}
	return nil
}

// goBack puts the last good file in the place of the one that NSD can't read. A time
// of change in the past would be passed over.
func (f *zoneFile) goBack() error {
	if err := proven(f.good()); err != nil {
		return err
	}
	if err := durable.Later(f.good(), f.path); err != nil {
		return err
	}
	if err := os.Rename(f.good(), f.path); err != nil {
		return err
	}
	// Whatever is handed over next, this one has to be kept again.
	f.left, _ = os.Stat(f.path)
	f.serial, f.served = 0, true
	return durable.SyncFolder(f.path)
}

// explain says what the operator can do.
func (f *zoneFile) explain(err error) error {
	folder := filepath.Dir(f.path)
	what := ""
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		what = "the disk is full: free some room; NSD goes on with the old file"
	case errors.Is(err, syscall.EROFS):
		what = "its file system is read-only: if a systemd unit protects it, add ReadWritePaths=" + folder
	case errors.Is(err, fs.ErrPermission):
		what = fmt.Sprintf("its folder must be writable for %s, since the file is replaced as a whole: make a folder of its own with 'install -d -o %[1]s -g nsd -m 0750 FOLDER', and have zonefile: name the file there", userName())
	case errors.Is(err, fs.ErrNotExist):
		what = fmt.Sprintf("its folder is not there: type 'install -d -o %s -g nsd -m 0750 %s'", userName(), folder)
	}
	if what == "" {
		return fmt.Errorf("the zone file %s: %w", f.path, err)
	}
	return fmt.Errorf("the zone file %s: %s (%w)", f.path, what, err)
}

// writable reports in advance whether the folder takes a new file.
func (f *zoneFile) writable() error {
	if err := unix.Access(filepath.Dir(f.path), unix.W_OK|unix.X_OK); err != nil {
		return f.explain(err)
	}
	return nil
}
