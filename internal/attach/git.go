package attach

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/acmezone/acmezone/internal/zonetext"
)

// gitTime is how long git may take for one file.
const gitTime = 10 * time.Second

// workTree returns the folder of the git work tree that a file is in, "" for none.
func workTree(file string) string {
	for dir := filepath.Dir(file); ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
}

// uncommitted refuses a file in a git work tree with changes that aren't committed: the
// edit would get mixed up with them. What attach itself has put in doesn't count, else the
// second domain would have to wait for a commit of the first.
func (p *plan) uncommitted(ctx context.Context, file *original) error {
	top := workTree(file.real)
	if top == "" {
		return nil
	}
	if _, err := exec.LookPath("git"); err != nil {
		return fmt.Errorf("%s is in the git work tree %s, and git isn't installed, so it can't be seen whether it has changes that aren't committed: install git", file.path, top)
	}
	name, err := filepath.Rel(top, file.real)
	if err != nil {
		return err
	}
	status, err := git(ctx, top, "status", "--porcelain", "--", name)
	if err != nil {
		if strings.Contains(err.Error(), "dubious ownership") {
			err = fmt.Errorf("%w: give the work tree and its .git one owner, or type 'git config --system --add safe.directory %s'", err, top)
		}
		return fmt.Errorf("%s is in the git work tree %s, which can't be looked at: %w", file.path, top, err)
	}
	if bytes.HasPrefix(status, []byte("??")) {
		return fmt.Errorf("%s is in the git work tree %s, and git doesn't know it yet: commit it first, with 'git -C %[2]s add -- %s', or name it in .gitignore", file.path, top, name)
	}
	if len(bytes.TrimSpace(status)) == 0 || p.onlyAttached(ctx, top, name, file) {
		return nil
	}
	return fmt.Errorf("%s has changes that aren't committed in the git work tree %s: commit them first, 'git -C %[2]s diff -- %s' shows them", file.path, top, name)
}

// onlyAttached reports whether a file differs from what is committed by lines of attach
// and the serial alone.
func (p *plan) onlyAttached(ctx context.Context, top, name string, file *original) bool {
	committed, err := git(ctx, top, "show", "HEAD:./"+filepath.ToSlash(name))
	if err != nil {
		return false
	}
	a, errA := p.withoutAttached(file.path, committed)
	b, errB := p.withoutAttached(file.path, file.text)
	return errors.Join(errA, errB) == nil && bytes.Equal(a, b)
}

// withoutAttached returns a file's text without what attach changes.
func (p *plan) withoutAttached(path string, text []byte) ([]byte, error) {
	file, err := zonetext.Parse(path, text, p.zone)
	if err != nil {
		return nil, err
	}
	text, _ = file.WithoutLines(func(line string) bool {
		owner, _, _ := strings.Cut(strings.ToLower(line), "\t")
		return p.snippet.isIncludeLine(line) || p.attachedLine(line, owner) != nil
	})
	if file, err = zonetext.Parse(path, text, p.zone); err != nil {
		return nil, err
	}
	return bytes.TrimRight(file.WithSerial(1), "\r\n"), nil
}

// git runs git in a work tree. A repository's own configuration can have git start
// programs, so root runs it as who owns the repository.
func git(ctx context.Context, top string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, gitTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", top, "--no-optional-locks"}, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=/nonexistent", "GIT_TERMINAL_PROMPT=0"}
	cmd.Dir = "/"
	cmd.WaitDelay = gitTime // on a busy machine whoever reads what it wrote may come late
	if err := asOwner(cmd, filepath.Join(top, ".git")); err != nil {
		return nil, err
	}
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil && complaint.Len() > 0 {
		line, _, _ := strings.Cut(strings.TrimSpace(complaint.String()), "\n")
		return nil, errors.New(line)
	}
	return out, err
}

// asOwner has a command run as the owner of a .git, where this is root; with the groups
// of nobody else, since a file's group may be root's whoever owns the file.
func asOwner(cmd *exec.Cmd, dotGit string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(dotGit)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fs.ErrInvalid
	}
	if st.Uid == 0 {
		return rootsOwn(dotGit)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: st.Uid, Gid: groupOf(st.Uid)}}
	return nil
}

// nogroup is the group that nothing belongs to.
const nogroup = 65534

// groupOf is a user's own group.
func groupOf(uid uint32) uint32 {
	u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
	if err != nil {
		return nogroup
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nogroup
	}
	return uint32(gid)
}

// rootsOwn refuses a repository of root's whose configuration others can write: git looks
// at who owns it alone.
func rootsOwn(dotGit string) error {
	can := make(writers)
	can.add(filepath.Join(dotGit, "config"))
	text, _ := os.ReadFile(dotGit) // a folder; of a worktree or submodule it is a file
	if dir, is := strings.CutPrefix(strings.TrimSpace(string(text)), "gitdir: "); is {
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(filepath.Dir(dotGit), dir)
		}
		can.add(dir)
	}
	if all := sortedKeys(can); len(all) > 0 {
		who := all[0]
		return fmt.Errorf("%s is root's and %s can write %s, and so have root run any program by git's configuration: give the repository to a user of its own, with 'chown -R USER'", dotGit, who, can[who])
	}
	return nil
}
