package attach

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/acmezone/acmezone/internal/flock"
)

// lockFolder locks the folder that a zone file is in (flock(2)). The folder stays
// whatever is renamed in it, by acmezone or an editor, and no lock file lies about in
// somebody's repository. The kernel lets go of it when the process ends.
func lockFolder(ctx context.Context, zoneFile string, wait time.Duration) (release func(), err error) {
	real, err := filepath.EvalSymlinks(zoneFile)
	if err != nil {
		return nil, fmt.Errorf("the zone file can't be read: %w", err)
	}
	dir, err := os.Open(filepath.Dir(real))
	if err != nil {
		return nil, fmt.Errorf("the zone file's folder can't be read: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	err = flock.Take(ctx, dir)
	switch {
	case err == nil:
		return func() { _ = dir.Close() }, nil // which lets go of it
	case errors.Is(err, flock.ErrHeld):
		err = fmt.Errorf("%s is locked by %s, which edits a zone there: wait until it has ended", dir.Name(), holder(dir))
	default:
		err = fmt.Errorf("locking %s: %w", dir.Name(), err)
	}
	return nil, errors.Join(err, dir.Close())
}

// holder says who has locked a folder, as the kernel has it (proc_locks(5)).
func holder(dir *os.File) string {
	var st unix.Stat_t
	locks, err := os.Open("/proc/locks")
	if err != nil || unix.Fstat(int(dir.Fd()), &st) != nil {
		return "another process"
	}
	defer locks.Close()
	inode := fmt.Sprintf("%02x:%02x:%d", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino)
	lines := bufio.NewScanner(locks)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) > 5 && f[1] == "FLOCK" && f[5] == inode && f[4] != "0" {
			return "process " + f[4]
		}
	}
	return "another process"
}
