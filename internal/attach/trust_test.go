package attach

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const service = 1234

func give(t *testing.T, path string, uid int) {
	t.Helper()
	if err := os.Lchown(path, uid, uid); err != nil {
		t.Fatal(err)
	}
}

const typeThis = ", and so put anything into the zone example.com: nothing was changed; type 'install -d -m 0755 -o root /var/lib/acmezone-snippets' and set nsd.snippet_dir = \"/var/lib/acmezone-snippets\""

// TestSnippetThatOthersCanWriteIsRefused goes through what a service that has been taken
// over might have of its own.
func TestSnippetThatOthersCanWriteIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		prepare   func(t *testing.T, b *bed)
		who, what string
	}{
		"the folder": {func(t *testing.T, b *bed) { mkdir(t, b.SnippetDir, service, 0o755) }, "user 1234", "DIR/snippets"},
		"the folder's group": {func(t *testing.T, b *bed) {
			mkdir(t, b.SnippetDir, service, 0o775)
			if err := os.Chown(b.SnippetDir, 0, service); err != nil {
				t.Fatal(err)
			}
		}, "group 1234", "DIR/snippets"},
		"a folder for everybody": {func(t *testing.T, b *bed) { mkdir(t, b.SnippetDir, 0, 0o777|os.ModeSticky) }, "everybody", "DIR/snippets"},
		"the folder above": {func(t *testing.T, b *bed) {
			mkdir(t, b.server.Dir+"/home", service, 0o755)
			b.SnippetDir = b.server.Dir + "/home/snippets"
			mkdir(t, b.SnippetDir, 0, 0o755)
		}, "user 1234", "DIR/home"},
		"a folder to be made": {func(t *testing.T, b *bed) {
			mkdir(t, b.server.Dir+"/tmp", 0, 0o777|os.ModeSticky)
			b.SnippetDir = b.server.Dir + "/tmp/snippets"
		}, "everybody", "DIR/tmp"},
		"behind a link": {func(t *testing.T, b *bed) {
			mkdir(t, b.server.Dir+"/home", service, 0o755)
			mkdir(t, b.server.Dir+"/home/real", 0, 0o755)
			if err := os.Symlink("home/real", b.SnippetDir); err != nil {
				t.Fatal(err)
			}
		}, "user 1234", "DIR/home"},
		"the file": {func(t *testing.T, b *bed) {
			mkdir(t, b.SnippetDir, 0, 0o755)
			if err := os.WriteFile(b.snippetPath(customer+"."), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			give(t, b.snippetPath(customer+"."), service)
		}, "user 1234", "DIR/snippets/example.com.acmezone"},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, text(7))
			c.prepare(t, b)
			want := "zone example.com: nsd.snippet_dir is " + b.SnippetDir + ", and " + c.who + " can write " + c.what + typeThis
			b.refused("www.example.com", want)
			b.DryRun = true
			b.refused("www.example.com", want)
			b.DryRun, b.Inline = false, true
			b.attach("www.example.com")
		})
	}
}

func mkdir(t *testing.T, path string, uid int, mode os.FileMode) {
	t.Helper()
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	give(t, path, uid)
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// TestOwnerOfTheZoneFileMayHaveTheSnippet has nothing to lose: who can write the zone
// file needs no snippet.
func TestOwnerOfTheZoneFileMayHaveTheSnippet(t *testing.T) {
	b := start(t, text(7))
	give(t, b.path, service)
	mkdir(t, b.SnippetDir, service, 0o755)
	if result := b.attach("www.example.com"); len(result.Warnings) > 0 {
		t.Errorf("%q", result.Warnings)
	}
}

// TestStickyFolderIsSafe has the folder of snippets in one like /tmp, where nobody can
// replace what is somebody else's.
func TestStickyFolderIsSafe(t *testing.T) {
	b := start(t, text(7))
	mkdir(t, filepath.Join(b.server.Dir, "tmp"), 0, 0o777|os.ModeSticky)
	b.SnippetDir = filepath.Join(b.server.Dir, "tmp", "snippets")
	mkdir(t, b.SnippetDir, 0, 0o755)
	b.attach("www.example.com")
}

// TestDistrustedSnippetCanBeLeft has the folder given away after an attach: nothing more
// goes into it, what is in place is warned of, and goes when it is told to.
func TestDistrustedSnippetCanBeLeft(t *testing.T) {
	b := start(t, text(7))
	b.attach("a.example.com", "b.example.com")
	give(t, b.SnippetDir, service)
	for _, r := range []Result{b.attach("a.example.com"), b.detach("a.example.com")} {
		if len(r.Warnings) != 1 || !strings.HasSuffix(r.Warnings[0], "user 1234 can write "+b.SnippetDir+", and so put anything into the zone example.com: name a folder of root's own in nsd.snippet_dir") {
			t.Errorf("%q", r.Warnings)
		}
	}
	if r := b.detach("b.example.com"); len(r.Warnings) > 0 {
		t.Errorf("%q", r.Warnings)
	}
}
