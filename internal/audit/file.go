package audit

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// fileMode: the log's readers are its owner and group.
const fileMode = 0o640

// file is the open log. Others may append to it at the same time, and logrotate may put
// another one in its place.
type file struct {
	f    *os.File
	info os.FileInfo
	torn bool // it may end within a line: one of a disk that was full
}

// open opens the log for appending, or makes it. A new one belongs to the owner of the
// folder that the database is in, so that root's commands don't lock the service out.
func open(path, database string) (*file, error) {
	f, created, err := openAppending(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && os.Geteuid() == 0 {
		err = fitForRoot(f, info, created, database)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &file{f: f, info: info, torn: info.Mode().IsRegular() && endsWithinLine(path, info)}, nil
}

func openAppending(path string) (f *os.File, created bool, err error) {
	const flags = os.O_WRONLY | os.O_APPEND
	if f, err = openFile(path, flags); !errors.Is(err, os.ErrNotExist) {
		return f, false, err
	}
	f, err = openFile(path, flags|os.O_CREATE|os.O_EXCL)
	if errors.Is(err, os.ErrExist) { // another process was quicker
		f, err = openFile(path, flags)
		return f, false, err
	}
	return f, err == nil, err
}

// openFile follows no symbolic link where root opens it: in a folder that others can
// write they could lead root's lines, and a file that belongs to them, anywhere.
func openFile(path string, flags int) (*os.File, error) {
	flags |= syscall.O_NOCTTY | syscall.O_CLOEXEC
	if os.Geteuid() != 0 {
		return os.OpenFile(path, flags|syscall.O_NONBLOCK, fileMode)
	}
	how := unix.OpenHow{Flags: uint64(flags | syscall.O_NONBLOCK), Resolve: unix.RESOLVE_NO_SYMLINKS}
	if flags&os.O_CREATE != 0 {
		how.Mode = fileMode
	}
	fd, err := unix.Openat2(unix.AT_FDCWD, path, &how)
	switch {
	case errors.Is(err, unix.ENOSYS): // before Linux 5.6
		return os.OpenFile(path, flags|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, fileMode)
	case errors.Is(err, unix.ELOOP):
		return nil, fmt.Errorf("%s leads over a symbolic link, which root does not follow: name the file itself", path)
	case err != nil:
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// fitForRoot refuses what root must not write to, and gives a new file its owner.
func fitForRoot(f *os.File, info os.FileInfo, created bool, database string) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() || stat.Nlink != 1 {
		return fmt.Errorf("%s is no ordinary file with one name, so root does not write to it", f.Name())
	}
	if !created {
		return nil
	}
	folder, err := os.Stat(filepath.Dir(database))
	if err != nil {
		return nil // there is no database whose service could be locked out
	}
	owner := folder.Sys().(*syscall.Stat_t)
	return f.Chown(int(owner.Uid), int(owner.Gid))
}

// endsWithinLine reports whether the last octet is no line end. Where that can't be read,
// or another file has taken the path meanwhile, the file counts as whole.
func endsWithinLine(path string, info os.FileInfo) bool {
	if info.Size() == 0 {
		return false
	}
	f, err := openFile(path, os.O_RDONLY)
	if err != nil {
		return false
	}
	defer f.Close()
	if now, err := f.Stat(); err != nil || !os.SameFile(now, info) {
		return false
	}
	last := make([]byte, 1)
	_, err = f.ReadAt(last, info.Size()-1)
	return (err == nil || errors.Is(err, io.EOF)) && last[0] != '\n'
}

// moved reports whether the path names another file by now, or none.
func (f *file) moved(path string) bool {
	info, err := os.Stat(path)
	return err != nil || !os.SameFile(info, f.info)
}

// write writes a line with one write(2), which appends it as a whole, whoever else is
// writing. One that was cut short is ended by the next.
func (f *file) write(line []byte) error {
	if f.torn {
		line = append([]byte{'\n'}, line...)
	}
	n, err := f.f.Write(line)
	if n > 0 {
		f.torn = n < len(line)
	}
	return err
}

func (f *file) close() error { return f.f.Close() }
