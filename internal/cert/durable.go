package cert

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/acmezone/acmezone/internal/durable"
)

// replaceFile writes a file for the folder's owner alone, so that there is the old one or the
// new one whenever the power goes:
//
//	openat(NAME.RANDOM, O_CREAT|O_EXCL, 0600) write fsync close
//	renameat(NAME.RANDOM, NAME) openat(FOLDER) fsync close
func replaceFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already if all went well
	_, err = f.Write(content)
	err = errors.Join(err, handOver(filepath.Dir(path), filepath.Base(f.Name())), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return durable.SyncFolder(path)
}

// handOver gives a file that root has made, and the folders on its way, to the owner of
// the folder that they are in. That owner may put links there, so none is followed out of it.
func handOver(folder, file string) error {
	var owner unix.Stat_t
	if err := unix.Stat(folder, &owner); err != nil {
		return &fs.PathError{Op: "stat", Path: folder, Err: err}
	}
	if os.Geteuid() != 0 || owner.Uid == 0 {
		return nil
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	for ; file != "."; file = filepath.Dir(file) {
		if err := root.Lchown(file, int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	return nil
}
