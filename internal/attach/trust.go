package attach

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// distrust says who could put anything into the zone by way of its snippet and couldn't
// do so without: "" for nobody. The service is a user of its own, which faces the
// internet; what NSD includes must not lie where it can write.
func (p *plan) distrust() string {
	trusted := make(writers)
	for _, file := range p.files {
		trusted.add(file.path)
	}
	found := make(writers)
	found.add(p.snippet.file.path)
	for _, who := range sortedKeys(found) {
		if trusted[who] == "" && trusted[everybody] == "" {
			return fmt.Sprintf("nsd.snippet_dir is %s, and %s can write %s, and so put anything into the zone %s", p.editor.SnippetDir, who, found[who], zoneName(p.zone))
		}
	}
	return ""
}

// trustworthy refuses to have the zone include what others can write.
func (p *plan) trustworthy() error {
	said := p.distrust()
	if said == "" {
		return nil
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("%s: nothing was changed; name a folder in nsd.snippet_dir that nobody else can write", said)
	}
	return fmt.Errorf("%s: nothing was changed; type 'install -d -m 0755 -o root /var/lib/acmezone-snippets' and set nsd.snippet_dir = \"/var/lib/acmezone-snippets\"", said)
}

// WrittenByOthers returns an error if somebody besides root, and whoever runs this, can
// write a file or put another in its place.
func WrittenByOthers(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	all := make(writers)
	all.add(path)
	if names := sortedKeys(all); len(names) > 0 {
		who := names[0]
		return fmt.Errorf("%s can write %s: type 'chown root %[2]s' and 'chmod go-w %[2]s'", who, all[who])
	}
	return nil
}

// writers are those who can write a file or put another in its place, root and whoever
// runs this left out, each with a path that it can write.
type writers map[string]string

const (
	everybody = "everybody"
	// mostLinks is how many symbolic links the kernel follows.
	mostLinks = 40
)

// add finds the writers of a path. What isn't there yet can be made by whoever may write
// its folder, and what is in a sticky folder replaced by its owner alone (unlink(2)).
func (w writers) add(path string) { w.follow(path, true, mostLinks) }

// follow also takes whether what is below the path is there.
func (w writers) follow(path string, there bool, links int) {
	info, err := os.Lstat(path)
	if parent := filepath.Dir(path); parent != path {
		w.follow(parent, err == nil, links)
	}
	if err != nil || links == 0 {
		return
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		w.note(path, info.Mode(), st, there)
	}
	if target, err := os.Readlink(path); err == nil {
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		w.follow(target, there, links-1)
	}
}

// note adds who may write one file or folder. The group's bits cover lists of who may
// write it besides (acl(5)).
func (w writers) note(path string, mode fs.FileMode, st *syscall.Stat_t, there bool) {
	if st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		w[fmt.Sprintf("user %d", st.Uid)] = path
	}
	if mode&fs.ModeSymlink != 0 || mode.IsDir() && mode&fs.ModeSticky != 0 && there {
		return
	}
	if mode&0o020 != 0 && (st.Gid != 0 || hasList(path)) {
		w[fmt.Sprintf("group %d", st.Gid)] = path
	}
	if mode&0o002 != 0 {
		w[everybody] = path
	}
}

// hasList reports whether others are named for a file besides owner and group.
func hasList(path string) bool {
	list := make([]byte, 1<<16) // the most that Linux lets there be
	n, err := unix.Listxattr(path, list)
	return err == nil && slices.Contains(strings.Split(string(list[:n]), "\x00"), "system.posix_acl_access")
}
