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
// new one whenever the power goes.
func replaceFile(path string, content []byte) error {
	return replaceFiles(filepath.Dir(path), map[string][]byte{filepath.Base(path): content})
}

// replaceFiles does so with several of a folder. Where one can't be written, as on a full
// disk, all stay as they are; only a crash between the renames leaves some of each:
//
//	openat(NAME.RANDOM, O_CREAT|O_EXCL, 0600) write fsync close   of each
//	renameat(NAME.RANDOM, NAME)                                   of each
//	openat(FOLDER) fsync close
func replaceFiles(folder string, files map[string][]byte) error {
	written := make(map[string]string)
	defer func() {
		for from := range written {
			_ = os.Remove(from) // gone already if all went well
		}
	}()
	for name, content := range files {
		from, err := writeBeside(filepath.Join(folder, name), content)
		if from != "" {
			written[from] = filepath.Join(folder, name)
		}
		if err != nil {
			return err
		}
	}
	for from, to := range written {
		if err := os.Rename(from, to); err != nil {
			return err
		}
	}
	return durable.SyncFolder(filepath.Join(folder, "any"))
}

// writeBeside writes what is to become a file under another name, which it returns also
// with an error if there is something to be removed.
func writeBeside(path string, content []byte) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(content)
	return f.Name(), errors.Join(err, handOver(filepath.Dir(path), filepath.Base(f.Name())), f.Sync(), f.Close())
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
