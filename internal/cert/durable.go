package cert

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/acmezone/acmezone/internal/durable"
)

// replaceFile writes a file for its owner alone, so that there is the old one or the
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
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return durable.SyncFolder(path)
}
