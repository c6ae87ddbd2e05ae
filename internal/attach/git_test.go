package attach

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// repository puts the zone file under git, in a repository of another user's.
func (b *bed) repository(owner int) {
	b.t.Helper()
	dir := filepath.Join(b.server.Dir, "zones")
	// The owner must be able to get there.
	if err := errors.Join(os.Mkdir(dir, 0o755), os.Chmod(b.server.Dir, 0o711)); err != nil {
		b.t.Fatal(err)
	}
	file := filepath.Join(dir, "zone")
	if err := os.WriteFile(file, []byte(b.read()), 0o644); err != nil {
		b.t.Fatal(err)
	}
	b.git("init", "-q")
	b.git("add", "zone")
	b.git("commit", "-q", "-m", "begin")
	if err := os.Remove(b.path); err != nil {
		b.t.Fatal(err)
	}
	if err := os.Symlink(file, b.path); err != nil {
		b.t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, owner, owner)
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) git(args ...string) string {
	b.t.Helper()
	args = append([]string{"-c", "safe.directory=*", "-c", "user.name=x", "-c", "user.email=x@example.com", "-C", filepath.Join(b.server.Dir, "zones")}, args...)
	out, err := exec.Command("git", args...).CombinedOutput()
	if err != nil {
		b.t.Fatalf("git %v: %v: %s", args, err, out)
	}
	return string(out)
}

// TestGitDiffShowsTheLineAndTheSerial is what the owner of a repository is to see.
func TestGitDiffShowsTheLineAndTheSerial(t *testing.T) {
	b := start(t, text(2026010107))
	b.repository(1234)
	if result := b.attach("www.example.com"); result.Changes[0].Name != "zone" {
		t.Errorf("in a patch the file is %q", result.Changes[0].Name)
	}
	b.attach("a.example.com", "example.com") // what attach did itself is no obstacle
	diff := b.git("diff", "-U0", "--", "zone")
	var lines []string
	for line := range strings.Lines(diff) {
		if line[0] == '+' || line[0] == '-' {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	soa, _ := b.parsed().SOA()
	want := []string{"--- a/zone", "+++ b/zone", "-\t\t2026010107 ; serial", "+\t\t" + itoa(uint32(soa.Serial)) + " ; serial", "+$INCLUDE " + b.snippetPath(customer) + " ; written by 'acmezone attach'"}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
	if got := b.git("status", "--porcelain"); got != " M zone\n" {
		t.Errorf("git status says %q", got)
	}
	b.detach("www.example.com", "a.example.com", "example.com")
	if got := b.git("diff", "--numstat"); got != "1\t1\tzone\n" {
		t.Errorf("after detach the difference is %q", got)
	}
}

func TestUncommittedChangesAreRefused(t *testing.T) {
	for _, owner := range []int{0, 1234} {
		b := start(t, text(7))
		b.repository(owner)
		b.attach("a.example.com")
		zone := filepath.Join(b.server.Dir, "zones", "zone")
		before := b.read()
		if err := os.WriteFile(zone, []byte(before+"mine A 192.0.2.7\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		top := filepath.Join(b.server.Dir, "zones")
		want := "zone example.com: " + b.path + " has changes that aren't committed in the git work tree " + top + ": commit them first, 'git -C " + top + " diff -- zone' shows them"
		b.refused("www.example.com", want)
		b.Inline = true
		b.refused("www.example.com", want)
		b.git("add", "zone")
		b.refused("www.example.com", want)
		b.git("commit", "-q", "-m", "mine")
		b.attach("www.example.com")
		b.attach("b.example.com") // a line of attach's own is no obstacle either
	}
}

// TestHooksOfARepositoryDoNotRunAsRoot has its owner set a program that git starts.
func TestHooksOfARepositoryDoNotRunAsRoot(t *testing.T) {
	b := start(t, text(7))
	b.repository(1234)
	traces := filepath.Join(b.server.Dir, "traces")
	if err := errors.Join(os.Mkdir(traces, 0o777), os.Chmod(traces, 0o777)); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(traces, "monitor")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho $(id -u) $(id -G) >> "+traces+"/trace\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	b.git("config", "core.fsmonitor", script)
	if err := os.Chown(filepath.Join(b.server.Dir, "zones", ".git"), 1234, 0); err != nil {
		t.Fatal(err)
	}
	b.attach("www.example.com")
	for user := range strings.Lines(readText(t, traces+"/trace")) {
		if user != "1234 65534\n" {
			t.Errorf("it ran as user %q", user)
		}
	}
}

func TestWithoutGitAWorkTreeIsRefused(t *testing.T) {
	b := start(t, text(7))
	b.repository(0)
	t.Setenv("PATH", "/usr/sbin") // where NSD's programs are
	b.refused("www.example.com", "zone example.com: "+b.path+" is in the git work tree "+filepath.Join(b.server.Dir, "zones")+", and git isn't installed, so it can't be seen whether it has changes that aren't committed: install git")
}

// TestRepositoryThatRootCannotTrustIsRefused has one of root's that a group can write, as
// 'git init --shared' makes it, also behind the .git file of a worktree.
func TestRepositoryThatRootCannotTrustIsRefused(t *testing.T) {
	b := start(t, text(7))
	b.repository(0)
	top, elsewhere := filepath.Join(b.server.Dir, "zones"), filepath.Join(b.server.Dir, "elsewhere")
	if err := errors.Join(os.Chown(top+"/.git", 0, 1234), os.Chmod(top+"/.git", 0o775)); err != nil {
		t.Fatal(err)
	}
	want := "zone example.com: " + b.path + " is in the git work tree " + top + ", which can't be looked at: " + top + "/.git is root's and group 1234 can write PATH, and so have root run any program by git's configuration: give the repository to a user of its own, with 'chown -R USER'"
	b.refused("www.example.com", strings.ReplaceAll(want, "PATH", top+"/.git"))
	if err := errors.Join(os.Rename(top+"/.git", elsewhere), os.WriteFile(top+"/.git", []byte("gitdir: ../elsewhere\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	b.refused("www.example.com", strings.ReplaceAll(want, "PATH", elsewhere))
	if err := os.Chmod(elsewhere, 0o755); err != nil {
		t.Fatal(err)
	}
	b.attach("www.example.com")
}

func TestOddWorkTreesAreExplained(t *testing.T) {
	b := start(t, text(7))
	b.repository(1234)
	top := filepath.Join(b.server.Dir, "zones")
	if err := os.Chown(top, 0, 0); err != nil {
		t.Fatal(err)
	}
	_, err := b.AttachAll(b.context(), bindings("www.example.com"))
	mustSay(t, err, "dubious ownership", "give the work tree and its .git one owner, or type 'git config --system --add safe.directory "+top+"'")
	if err := os.Chown(top, 1234, 1234); err != nil {
		t.Fatal(err)
	}
	b.git("rm", "-q", "--cached", "zone")
	b.git("commit", "-q", "-m", "gone")
	b.refused("www.example.com", "zone example.com: "+b.path+" is in the git work tree "+top+", and git doesn't know it yet: commit it first, with 'git -C "+top+" add -- zone', or name it in .gitignore")
}
