package cert

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/caddyserver/certmagic"
	"golang.org/x/sys/unix"
)

// storage is certmagic's folder. The service has it for itself, since it has the
// database for itself, and one goroutine uses it: a lock file would only be left over
// by kill -9, and its keeper outlive its use.
type storage struct{ certmagic.FileStorage }

func (*storage) Lock(ctx context.Context, _ string) error { return ctx.Err() }
func (*storage) Unlock(context.Context, string) error     { return nil }

// Store keeps what root writes the folder's owner's, as the database is: who tries the
// service as root must not keep its own user from it.
func (s *storage) Store(ctx context.Context, key string, value []byte) error {
	if err := s.FileStorage.Store(ctx, key, value); err != nil {
		return err
	}
	return handOver(s.Path, filepath.FromSlash(key))
}

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

// stored loads the certificate from the folder; an error of fs.ErrNotExist means that
// there is none.
func (m *Managed) stored() (*tls.Certificate, error) {
	folder := certmagic.FileStorage{Path: m.Storage}
	issuer := (&certmagic.ACMEIssuer{CA: m.Directory}).IssuerKey()
	crt, key := folder.Filename(certmagic.StorageKeys.SiteCert(issuer, m.Host)), folder.Filename(certmagic.StorageKeys.SitePrivateKey(issuer, m.Host))
	if _, err := os.Stat(key); err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(crt, key)
	if err != nil {
		return nil, err
	}
	if err := pair.Leaf.VerifyHostname(m.Host); err != nil {
		return nil, fmt.Errorf("%s: %w", crt, err)
	}
	return &pair, nil
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
