package cert

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// makeFolder makes the folder if need be, for the owner of the one that it is in.
func makeFolder(folder string) error {
	if _, err := os.Stat(folder); err == nil {
		return nil
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	return handOver(filepath.Dir(folder), filepath.Base(folder))
}

// checkStorage looks whether all in the folder can be read and written: one that was
// acme-dns' belongs to another user at first, and what can't be read would be ordered
// anew.
func (a ACME) checkStorage() error {
	err := filepath.WalkDir(a.Storage, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		need := uint32(unix.R_OK)
		if d.IsDir() {
			need = unix.R_OK | unix.W_OK | unix.X_OK // files are replaced by renaming
		}
		if err := unix.Access(path, need); err != nil {
			return &fs.PathError{Op: "access", Path: path, Err: err}
		}
		return nil
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // it will be made
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("api.acme_storage: %w: give the folder to the service's user: chown -R %s %s", err, runAs(), a.Storage)
	case errors.Is(err, unix.EROFS):
		return fmt.Errorf("api.acme_storage: %w: in a systemd unit, add the folder to ReadWritePaths", err)
	case err != nil:
		return fmt.Errorf("api.acme_storage: %w", err)
	}
	if info, err := os.Stat(a.Storage); err == nil && !info.IsDir() {
		return fmt.Errorf("api.acme_storage: %s is no folder", a.Storage)
	}
	return nil
}

// CanMake says why a folder that isn't there couldn't be made, and what to type.
func CanMake(folder string) error {
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	above := filepath.Dir(folder)
	err := unix.Access(above, unix.W_OK|unix.X_OK)
	if err == nil {
		return nil
	}
	return fmt.Errorf("api.acme_storage: %s can't be made in %s: %w: type 'install -d -m 0700 -o %s %s'",
		folder, above, err, strings.TrimSuffix(runAs(), ":"), folder)
}

// runAs is the user who runs this, as chown takes it.
func runAs() string {
	if u, err := user.Current(); err == nil {
		return u.Username + ":"
	}
	return fmt.Sprintf("%d:", os.Getuid())
}
