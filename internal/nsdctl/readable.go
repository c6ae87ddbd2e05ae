package nsdctl

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// reading is a user as the kernel sees it where files are opened.
type reading struct {
	name   string
	uid    int
	groups []int // the first is the user's own
}

// whoReads looks up whom NSD runs as; nil if that isn't known, or nothing is closed
// to it. NSD takes "user", "uid" and "uid.gid".
func whoReads(name string) *reading {
	if name == "" {
		return nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		if u, err = user.LookupId(name); err != nil {
			return nil
		}
	}
	r := &reading{name: u.Username}
	if r.uid, err = strconv.Atoi(u.Uid); err != nil || r.uid == 0 {
		return nil
	}
	if own, err := strconv.Atoi(u.Gid); err == nil {
		r.groups = append(r.groups, own)
	}
	ids, _ := u.GroupIds() // the user's own group is known without
	for _, id := range ids {
		if n, err := strconv.Atoi(id); err == nil {
			r.groups = append(r.groups, n)
		}
	}
	return r
}

// group is the user's own group, -1 if it isn't known.
func (r *reading) group() int {
	if r == nil || len(r.groups) == 0 {
		return -1
	}
	return r.groups[0]
}

// cannotRead says what keeps the user from reading a file that is to have that path, nil
// if nothing does. It goes by the ordinary permission bits, as NSD's unit under Debian
// does.
func (r *reading) cannotRead(file, path string) error {
	if r == nil {
		return nil
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if !r.may(info, 0o4) {
		return fmt.Errorf("NSD's user %s can't read %s (mode %04o): type 'chmod o+r %[2]s', or 'chgrp %[1]s %[2]s' and 'chmod g+r %[2]s'", r.name, path, info.Mode().Perm())
	}
	return r.cannotEnter(filepath.Dir(path))
}

// cannotEnter says what keeps the user from getting into a folder.
func (r *reading) cannotEnter(dir string) error {
	if r == nil {
		return nil
	}
	for ; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if !r.may(info, 0o1) {
			return fmt.Errorf("NSD's user %s can't get into the folder %s (mode %04o), where the file is: type 'chmod o+x %[2]s', or 'chgrp %[1]s %[2]s' and 'chmod g+x %[2]s'", r.name, dir, info.Mode().Perm())
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// may compares one bit (4: read, 1: enter) of the class that counts for the user.
func (r *reading) may(info fs.FileInfo, bit fs.FileMode) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return true
	}
	mode := info.Mode().Perm()
	switch {
	case int(st.Uid) == r.uid:
		return mode>>6&bit != 0
	case slices.Contains(r.groups, int(st.Gid)):
		return mode>>3&bit != 0
	}
	return mode&bit != 0
}
