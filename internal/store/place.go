package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// checkPlace proves that a database can live at path and returns the path with
// symbolic links in its folder resolved, so that the same database always has the
// same lock.
func checkPlace(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("the database's folder %s does not exist: make it with 'install -d -m 0700 -o USER %[1]s', USER being who runs the service", filepath.Dir(abs))
	}
	if err != nil {
		return "", fmt.Errorf("the database's folder: %w", err)
	}
	if err := checkFolder(dir); err != nil {
		return "", err
	}
	file, err := resolveFile(filepath.Join(dir, filepath.Base(abs)))
	if err != nil {
		return "", err
	}
	return file, checkFile(file)
}

func checkFolder(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("the database's folder: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a folder", dir)
	}
	if info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return fmt.Errorf("the database's folder %s has mode %04o: anybody could replace the database; type 'chmod o-w %[1]s'", dir, info.Mode().Perm())
	}
	// SQLite makes its -wal and -shm files beside the database, so the folder must
	// be writable, not the file alone.
	switch err := unix.Access(dir, unix.W_OK|unix.X_OK); {
	case errors.Is(err, unix.EROFS):
		return fmt.Errorf("the database's folder %s: its file system is read-only: if a systemd unit protects it, add ReadWritePaths=%[1]s", dir)
	case err != nil:
		return fmt.Errorf("the database's folder %s (mode %04o, %s) is not writable for %s", dir, info.Mode().Perm(), ownerOf(info), processUser())
	}
	return nil
}

func resolveFile(path string) (string, error) {
	resolved, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil
	}
	if err != nil {
		return "", fmt.Errorf("the database: %w", err)
	}
	return resolved, nil
}

func checkFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("the database: %w", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("the database %s is not a regular file", path)
	case info.Mode().Perm()&0o002 != 0:
		return fmt.Errorf("the database %s has mode %04o: anybody could change it; type 'chmod o-rw %[1]s'", path, info.Mode().Perm())
	case unix.Access(path, unix.R_OK|unix.W_OK) != nil:
		return fmt.Errorf("the database %s (mode %04o, %s) can't be read and written by %s", path, info.Mode().Perm(), ownerOf(info), processUser())
	}
	return nil
}

func ownerOf(info fs.FileInfo) string {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf("owner %d, group %d", st.Uid, st.Gid)
	}
	return "owner unknown"
}

func processUser() string { return fmt.Sprintf("user %d", os.Geteuid()) }

// createFile makes an empty database file, readable by its owner alone, where
// there is none, and reports whether it did. It is not opened where there is one:
// closing it again would take away the locks that SQLite holds in this process (POSIX
// locks).
func createFile(path string) (made bool, err error) {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return false, err
	}
	return true, errors.Join(giveToFolderOwner(path), f.Close())
}

// giveToFolderOwner lets a file that root made belong to whom its folder belongs,
// so that a command typed by root doesn't lock the service out.
func giveToFolderOwner(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Uid == 0 {
		return nil
	}
	return os.Chown(path, int(st.Uid), int(st.Gid))
}
