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
)

// lockPoll is how often a held lock is tried again.
const lockPoll = 50 * time.Millisecond

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
	for {
		err := unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { _ = dir.Close() }, nil // which lets go of it
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(fmt.Errorf("locking %s: %w", dir.Name(), err), dir.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("%s is locked by %s, which edits a zone there: wait until it has ended", dir.Name(), holder(dir)), dir.Close())
		case <-time.After(lockPoll):
		}
	}
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
