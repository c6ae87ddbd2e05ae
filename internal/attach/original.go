package attach

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/acmezone/acmezone/internal/durable"
)

// original is a file as it was read: what a new one may take the place of.
type original struct {
	path string      // as NSD or the configuration names it
	real string      // behind symbolic links
	info os.FileInfo // nil: there was none
	dir  os.FileInfo // of the folder of real; nil if there was no file
	text []byte
}

// largest is the size up to which a hand-written file is read.
const largest = 256 << 20

func readOriginal(path string) (*original, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	folder, err := os.OpenRoot(filepath.Dir(real))
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	dir, err := folder.Stat(".")
	if err != nil {
		return nil, err
	}
	// A FIFO in its place would keep the reader for ever.
	file, err := folder.OpenFile(filepath.Base(real), os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > largest {
		return nil, fmt.Errorf("%s is not a file of up to %d MB", path, largest>>20)
	}
	text, err := io.ReadAll(io.LimitReader(file, largest+1))
	return &original{path, real, info, dir, text}, err
}

// folder opens the folder that the file was read from. Its owner may put a symbolic link
// in its place, to have root write somewhere else.
func (o *original) folder() (*os.Root, error) {
	folder, err := os.OpenRoot(filepath.Dir(o.real))
	if err != nil || o.dir == nil {
		return folder, err
	}
	now, err := folder.Stat(".")
	if err == nil && !os.SameFile(now, o.dir) {
		err = errors.New("its folder is another one by now: nothing of theirs is written over; type the command again")
	}
	if err != nil {
		return nil, errors.Join(err, folder.Close())
	}
	return folder, nil
}

// inFolder does something in the folder that the file was read from.
func (o *original) inFolder(do func(folder *os.Root) error) error {
	folder, err := o.folder()
	if err != nil {
		return err
	}
	return errors.Join(do(folder), folder.Close())
}

// unchanged reports an error if it is another file now, or says something else.
func (o *original) unchanged() error {
	now, err := readOriginal(o.path)
	switch {
	case o.info == nil && errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil && o.info != nil:
		return fmt.Errorf("%s was changed by somebody else just now (%w): nothing of theirs is written over; type the command again", o.path, err)
	case o.info == nil || now.real != o.real || !os.SameFile(now.info, o.info) || !now.info.ModTime().Equal(o.info.ModTime()) || !bytes.Equal(now.text, o.text):
		return fmt.Errorf("%s was changed by somebody else just now: nothing of theirs is written over; type the command again", o.path)
	}
	return nil
}

// beside is the new file's name until it takes the old one's place.
func (o *original) beside() string {
	return filepath.Join(filepath.Dir(o.real), "."+filepath.Base(o.real)+".acmezone-new")
}

// prepare writes the new file beside the old one, whose owner, group and mode it gets; a
// file that is new is root's, or whoever makes it, and readable for all.
//
//	openat(.NAME.acmezone-new, O_CREAT|O_EXCL) write fchown fchmod fsync close
func (o *original) prepare(text []byte) error {
	err := o.inFolder(func(folder *os.Root) error {
		name := filepath.Base(o.beside())
		if err := folder.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		file, err := folder.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = file.Write(text)
		if err = firstError(err, o.share(file), file.Sync(), file.Close()); err != nil {
			_ = folder.Remove(name) // what couldn't be finished is of no use
		}
		return err
	})
	if err != nil {
		return o.explain(err)
	}
	return nil
}

func (o *original) share(file *os.File) error {
	if o.info == nil {
		return file.Chmod(0o644)
	}
	st, ok := o.info.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New("its owner can't be seen")
	}
	if err := file.Chown(int(st.Uid), int(st.Gid)); err != nil {
		return fmt.Errorf("it belongs to user %d and group %d, which only root can keep: run the command as root (%w)", st.Uid, st.Gid, err)
	}
	if err := o.shareAttributes(file); err != nil {
		return err
	}
	return file.Chmod(o.info.Mode().Perm())
}

// shareAttributes copies the extended attributes, as lists of who may read it besides are
// (acl(5)).
func (o *original) shareAttributes(file *os.File) error {
	list := make([]byte, 1<<16) // the most that Linux lets there be
	n, err := unix.Listxattr(o.real, list)
	if errors.Is(err, unix.ENOTSUP) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("its extended attributes can't be read: %w", err)
	}
	value := make([]byte, 1<<16)
	for name := range strings.SplitSeq(strings.TrimRight(string(list[:n]), "\x00"), "\x00") {
		if name == "" {
			continue
		}
		n, err := unix.Getxattr(o.real, name, value)
		if err == nil {
			err = unix.Fsetxattr(int(file.Fd()), name, value[:n], 0)
		}
		if err != nil {
			return fmt.Errorf("its extended attribute %s can't be kept: %w", name, err)
		}
	}
	return nil
}

// install has what was prepared take the old file's place, if that is still as it was
// read, and returns the file that is there now; nil with an error if it is the old one.
//
//	utimensat(.NAME.acmezone-new) renameat(.NAME.acmezone-new, NAME) openat(FOLDER) fsync close
func (o *original) install(text []byte) (*original, error) {
	now := &original{path: o.path, real: o.real, dir: o.dir, text: text}
	err := durable.Later(o.beside(), o.real)
	if err == nil {
		now.info, err = os.Stat(o.beside())
	}
	if err == nil {
		err = o.unchanged()
	}
	if err == nil {
		err = o.inFolder(func(folder *os.Root) error {
			return folder.Rename(filepath.Base(o.beside()), filepath.Base(o.real))
		})
	}
	if err != nil {
		o.discard()
		return nil, o.explain(err)
	}
	if err := durable.SyncFolder(o.real); err != nil {
		return now, o.explain(err)
	}
	return now, nil
}

// touch gives the file a later time, by which NSD knows that something it includes is
// new: before 4.11 it looks at the zone file alone.
func (o *original) touch() error {
	if err := durable.Later(o.real, o.real); err != nil {
		return o.explain(err)
	}
	return nil
}

// remove takes the file away.
func (o *original) remove() error {
	if err := o.unchanged(); err != nil {
		return err
	}
	err := o.inFolder(func(folder *os.Root) error { return folder.Remove(filepath.Base(o.real)) })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return o.explain(err)
	}
	return durable.SyncFolder(o.real)
}

// discard takes away what was prepared and isn't used.
func (o *original) discard() {
	_ = o.inFolder(func(folder *os.Root) error { return folder.Remove(filepath.Base(o.beside())) })
}

// explain says what the operator can do.
func (o *original) explain(err error) error {
	folder := filepath.Dir(o.real)
	what := ""
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		what = "the disk is full: free some room; the file is as it was"
	case errors.Is(err, syscall.EROFS):
		what = "its file system is read-only: if a systemd unit protects it, add ReadWritePaths=" + folder + " to acmezone-attach.service"
	case errors.Is(err, syscall.EBUSY):
		what = "it is mounted here as a file of its own (a bind mount), so no new one can take its place: mount its folder instead; the file is as it was"
	case errors.Is(err, fs.ErrPermission):
		what = "it and its folder can't be written by this user: run the command as root"
	case errors.Is(err, fs.ErrNotExist):
		what = "its folder is not there: type 'install -d -m 0755 " + folder + "'"
	}
	if what == "" {
		return fmt.Errorf("%s: %w", o.path, err)
	}
	return fmt.Errorf("%s: %s (%w)", o.path, what, err)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
