package attach

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/acmezone/acmezone/internal/zonetext"
)

func TestAttachIncludesASnippet(t *testing.T) {
	b := start(t, text(7))
	result := b.attach("www.example.com")
	want := text(8) + "$INCLUDE " + b.snippetPath(customer) + " ; written by 'acmezone attach'\n"
	if got := b.read(); got != want {
		t.Errorf("the zone file is otherwise:\n%s", zonetext.Unified("zone", []byte(want), []byte(got)))
	}
	wantSnippet := "; The _acme-challenge CNAMEs of example.com, which its zone file includes.\n" +
		"; Written by 'acmezone attach' and 'acmezone detach': don't edit it by hand.\n" +
		"_acme-challenge.www.example.com.\t3600\tIN\tCNAME\t" + target + "\n"
	if got := b.snippetText(); got != wantSnippet {
		t.Errorf("the snippet is %q", got)
	}
	if got := answers(t, b.server, "www.example.com"); got != target {
		t.Errorf("NSD answers %q", got)
	}
	if result.Zone != customer || result.Serial != 8 || len(result.Changes) != 2 || len(result.Confirmed) != 1 || len(result.Warnings) != 0 {
		t.Errorf("%+v", result)
	}
}

func TestTwiceIsOnce(t *testing.T) {
	for _, inline := range []bool{false, true} {
		b := start(t, text(7))
		b.Inline = inline
		b.attach("www.example.com")
		before, _ := os.Stat(b.path)
		result := b.attach("www.example.com")
		after, _ := os.Stat(b.path)
		if !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) || len(result.Changes) > 0 || result.Serial != 8 {
			t.Errorf("inline %v: the second time changes something: %+v", inline, result)
		}
		if len(result.Confirmed) != 1 {
			t.Errorf("inline %v: the second time proves nothing", inline)
		}
		b.detach("www.example.com")
		if result := b.detach("www.example.com"); len(result.Changes) > 0 || result.Serial != 9 {
			t.Errorf("inline %v: detached twice: %+v", inline, result)
		}
	}
}

func TestSeveralDomainsAreOneEdit(t *testing.T) {
	b := start(t, text(7))
	result := b.attach("example.com", "www.example.com", "deep.down.example.com", "www.example.com")
	if result.Serial != 8 || len(result.Domains) != 3 {
		t.Errorf("%+v", result)
	}
	for _, d := range result.Domains {
		if got := answers(t, b.server, d); got != target {
			t.Errorf("NSD answers %q at %s", got, d)
		}
	}
	b.attach("later.example.com")
	if want := text(9) + "$INCLUDE " + b.snippetPath(customer) + " ; written by 'acmezone attach'\n"; b.read() != want {
		t.Errorf("the zone file is otherwise:\n%s", zonetext.Unified("zone", []byte(want), []byte(b.read())))
	}
	if n := strings.Count(b.snippetText(), "CNAME\t"); n != 4 {
		t.Errorf("%d records", n)
	}
}

func TestDetachRestores(t *testing.T) {
	for _, inline := range []bool{false, true} {
		b := start(t, text(7))
		b.Inline = inline
		b.attach("example.com", "www.example.com")
		b.detach("example.com")
		if got := answers(t, b.server, "example.com"); got != "" {
			t.Errorf("inline %v: NSD answers %q", inline, got)
		}
		if got := answers(t, b.server, "www.example.com"); got != target {
			t.Errorf("inline %v: NSD answers %q for the one that stays", inline, got)
		}
		b.detach("www.example.com")
		if got := b.read(); got != text(10) {
			t.Errorf("inline %v: what is left:\n%s", inline, zonetext.Unified("zone", []byte(text(10)), []byte(got)))
		}
		if _, err := os.Stat(b.snippetPath(customer)); err == nil {
			t.Errorf("inline %v: the snippet is still there", inline)
		}
	}
}

func TestInlineWritesTheLine(t *testing.T) {
	b := start(t, text(7))
	b.Inline = true
	b.attach("www.example.com")
	if want := text(8) + "_acme-challenge.www.example.com.\t3600\tIN\tCNAME\t" + target + "\n"; b.read() != want {
		t.Errorf("the zone file is otherwise:\n%s", zonetext.Unified("zone", []byte(want), []byte(b.read())))
	}
	if got := answers(t, b.server, "www.example.com"); got != target {
		t.Errorf("NSD answers %q", got)
	}
	if _, err := os.Stat(b.SnippetDir); err == nil {
		t.Error("a folder for snippets was made")
	}
}

// TestDetachFindsWhatTheOtherModeWrote has the operator change nsd.attach_mode.
func TestDetachFindsWhatTheOtherModeWrote(t *testing.T) {
	b := start(t, text(7))
	b.attach("a.example.com")
	b.Inline = true
	b.attach("b.example.com")
	b.Inline = false
	b.detach("a.example.com", "b.example.com")
	if got := b.read(); got != text(9+1) {
		t.Errorf("left:\n%s", zonetext.Unified("zone", []byte(text(10)), []byte(got)))
	}
}

func TestOwnerGroupModeAndLinkStay(t *testing.T) {
	b := start(t, text(7))
	real := b.server.Dir + "/git/zone"
	if err := os.Mkdir(b.server.Dir+"/git", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(real, []byte(text(7)), 0o644); err != nil {
		t.Fatal(err)
	}
	acl := "\x02\x00\x00\x00\x01\x00\x04\x00\xff\xff\xff\xff\x02\x00\x04\x00\x2a\x00\x00\x00\x04\x00\x06\x00\xff\xff\xff\xff\x10\x00\x06\x00\xff\xff\xff\xff\x20\x00\x04\x00\xff\xff\xff\xff" // u::r-- u:42:r-- g::rw- m::rw- o::r--
	for _, err := range []error{os.Chown(real, 1234, 2345), unix.Setxattr(real, "system.posix_acl_access", []byte(acl), 0), os.Remove(b.path), os.Symlink("git/zone", b.path)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	b.attach("www.example.com")
	info, err := os.Stat(real)
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	if st.Uid != 1234 || st.Gid != 2345 || info.Mode().Perm() != 0o464 {
		t.Errorf("user %d, group %d, mode %o", st.Uid, st.Gid, info.Mode().Perm())
	}
	kept := make([]byte, 100)
	if n, err := unix.Getxattr(real, "system.posix_acl_access", kept); err != nil || string(kept[:n]) != acl {
		t.Errorf("the list of who may read it is %q, %v", kept[:max(n, 0)], err)
	}
	if link, err := os.Readlink(b.path); err != nil || link != "git/zone" {
		t.Errorf("the link is %q, %v", link, err)
	}
	if !strings.Contains(readText(t, real), "$INCLUDE") {
		t.Error("the file behind the link is as it was")
	}
	if info, _ := os.Stat(b.snippetPath(customer)); info.Mode().Perm() != 0o644 {
		t.Errorf("the snippet has mode %o", info.Mode().Perm())
	}
	left, _ := os.ReadDir(b.server.Dir + "/git")
	if len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestLineEndingsStay(t *testing.T) {
	crlf := strings.ReplaceAll(text(7), "\n", "\r\n")
	b := start(t, crlf)
	b.attach("www.example.com")
	if want := strings.ReplaceAll(text(8)+"$INCLUDE "+b.snippetPath(customer)+" ; written by 'acmezone attach'\n", "\n", "\r\n"); b.read() != want {
		t.Errorf("the file is %q", b.read())
	}
	if got := answers(t, b.server, "www.example.com"); got != target {
		t.Errorf("NSD answers %q", got)
	}
	b.detach("www.example.com")
	if want := strings.ReplaceAll(text(9), "\n", "\r\n"); b.read() != want {
		t.Errorf("the file is %q", b.read())
	}
}

// TestSOAInAnIncludedFile has an NSD before 4.11 look at the zone file's time alone.
func TestSOAInAnIncludedFile(t *testing.T) {
	b := startInTwo(t)
	b.attach("a.example.com")
	b.attach("b.example.com")
	for _, d := range []string{"a.example.com", "b.example.com"} {
		if got := answers(t, b.server, d); got != target {
			t.Errorf("NSD answers %q at %s", got, d)
		}
	}
	if want := strings.Replace(head, " 7 ", " 9 ", 1); readText(t, b.server.Dir+"/head") != want {
		t.Errorf("head is %q", readText(t, b.server.Dir+"/head"))
	}
	b.detach("a.example.com")
	if got := answers(t, b.server, "a.example.com"); got != "" {
		t.Errorf("NSD answers %q", got)
	}
}

func TestDryRunChangesNothing(t *testing.T) {
	b := start(t, text(7))
	b.DryRun = true
	result := b.attach("www.example.com")
	if b.read() != text(7) || b.server.Serial(t, customer) != 7 {
		t.Error("something was changed")
	}
	if _, err := os.Stat(b.SnippetDir); err == nil {
		t.Error("a folder was made")
	}
	if len(result.Changes) != 2 || result.Changes[0].Path != b.path || !result.Changes[1].Snippet || result.Changes[1].Old != nil || result.Serial != 8 {
		t.Errorf("%+v", result)
	}
	b.DryRun = false
	real := b.attach("www.example.com")
	for i := range real.Changes {
		if string(real.Changes[i].New) != string(result.Changes[i].New) {
			t.Errorf("%s becomes something else than was said", real.Changes[i].Path)
		}
	}
}

// TestDeploymentTookTheLineAway puts it in again, with all that was attached.
func TestDeploymentTookTheLineAway(t *testing.T) {
	b := start(t, text(7))
	b.attach("a.example.com", "b.example.com")
	b.server.Write(t, b.path, text(2026010101))
	status, err := b.Attached(t.Context(), "a.example.com")
	if err != nil || status.Target != "" || status.Lost != target {
		t.Errorf("%+v, %v", status, err)
	}
	b.attach("b.example.com")
	for _, d := range []string{"a.example.com", "b.example.com"} {
		if got := answers(t, b.server, d); got != target {
			t.Errorf("NSD answers %q at %s", got, d)
		}
	}
	status, err = b.Attached(t.Context(), "a.example.com")
	if err != nil || status.Target != target || status.Lost != "" || status.File != b.snippetPath(customer) || status.Line != 3 || status.Zone != customer {
		t.Errorf("%+v, %v", status, err)
	}
}
