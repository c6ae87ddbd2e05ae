package zonetext

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var clock = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// readFrom reads texts as os.ReadFile reads files.
func readFrom(texts map[string]string) func(string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		text, ok := texts[path]
		if !ok {
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
		}
		return []byte(text), nil
	}
}

const head = "$TTL 3600\n@ SOA ns1 hostmaster 2024010101 3600 600 1209600 300\n@ NS ns1\n"

func treeOf(t *testing.T, texts map[string]string) (*Tree, error) {
	t.Helper()
	return Load("example.org", "/zones", "Example.ORG", readFrom(texts))
}

func mustTree(t *testing.T, texts map[string]string) *Tree {
	t.Helper()
	tree, err := treeOf(t, texts)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestFilesAreInTheOrderOfReading(t *testing.T) {
	tree := mustTree(t, map[string]string{
		"/zones/example.org": head + "$INCLUDE inc/a sub.example.org.\n$INCLUDE /else/where ; twice\n$INCLUDE inc/b",
		"/zones/inc/a":       "$INCLUDE inc/b\n", "/zones/inc/b": "b A 192.0.2.1", "/else/where": "",
	})
	var names []string
	for _, f := range tree.Files() {
		names = append(names, f.Name())
	}
	if want := "/zones/example.org /zones/inc/a /zones/inc/b /else/where /zones/inc/b"; strings.Join(names, " ") != want {
		t.Error(names)
	}
	for name, line := range map[string]int{"b.sub.example.org.": 1, "b.example.org.": 1} {
		if o := tree.Obstacle(name); o == nil || o.File != "/zones/inc/b" || o.Line != line {
			t.Errorf("%s: %v", name, o)
		}
	}
}

func TestIncludes(t *testing.T) {
	f, err := Parse("f", []byte("$INCLUDE a\n$ORIGIN Sub\n$include \"b c\"\n$INCLUDE d\\032e other ;x\n$INCLUDE \tf\tabs.\t\n"), "example.org")
	if err != nil {
		t.Fatal(err)
	}
	want := []Include{
		{"a", "example.org.", 1}, {"b c", "sub.example.org.", 3}, {"d e", "other.sub.example.org.", 4}, {"f", "abs.", 5},
	}
	if difference := cmp.Diff(want, f.Includes()); difference != "" {
		t.Error(difference)
	}
}

func TestLoadRefuses(t *testing.T) {
	deep := map[string]string{"/zones/example.org": "$INCLUDE 1"}
	for i := 1; i < 20; i++ {
		deep["/zones/"+strconv.Itoa(i)] = "$INCLUDE " + strconv.Itoa(i+1)
	}
	many := map[string]string{"/zones/example.org": strings.Repeat("$INCLUDE a\n", 40), "/zones/a": strings.Repeat("$INCLUDE b\n", 40), "/zones/b": ""}
	for _, c := range []struct {
		name  string
		texts map[string]string
		say   string
	}{
		{"no file", nil, "open /zones/example.org: file does not exist"},
		{"no included file", map[string]string{"/zones/example.org": "\n$INCLUDE a"}, "/zones/example.org:2: $INCLUDE: open /zones/a: file does not exist"},
		{"a fault in an included file", map[string]string{"/zones/example.org": "\n$INCLUDE a", "/zones/a": "\n\n("}, "/zones/example.org:2: $INCLUDE: /zones/a:3: a parenthesis at the beginning of a line, where an owner belongs"},
		{"itself", map[string]string{"/zones/example.org": "$INCLUDE ./example.org"}, "/zones/example.org:1: $INCLUDE: /zones/example.org includes itself"},
		{"a loop", map[string]string{"/zones/example.org": "$INCLUDE a", "/zones/a": "$INCLUDE b", "/zones/b": "$INCLUDE a"}, "/zones/example.org:1: $INCLUDE: /zones/a:1: $INCLUDE: /zones/b:1: $INCLUDE: /zones/a includes itself"},
		{"eleven deep", deep, "/zones/10:1: $INCLUDE: more than 10 deep, which NSD refuses"},
		{"too many", many, "more than 1000 files in all"},
	} {
		if _, err := treeOf(t, c.texts); err == nil || !strings.HasSuffix(err.Error(), c.say) {
			t.Errorf("%s: %v, want %s", c.name, err, c.say)
		}
	}
}

// TestNSDTakesTenDeep holds the limit to NSD's.
func TestNSDTakesTenDeep(t *testing.T) {
	for depth, takes := range map[int]bool{maxDepth: true, maxDepth + 1: false} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "zone"), []byte(head+"$INCLUDE 1\n"))
		for i := 1; i <= depth; i++ {
			text := "$INCLUDE " + strconv.Itoa(i+1) + "\n"
			if i == depth {
				text = "deep TXT x\n"
			}
			write(t, filepath.Join(dir, strconv.Itoa(i)), []byte(text))
		}
		_, err := Load("zone", dir, "example.org", os.ReadFile)
		if (err == nil) != takes {
			t.Errorf("%d deep: %v", depth, err)
		}
		if out, err := checkzone(t, dir, "zone"); (err == nil) != takes {
			t.Errorf("%d deep: NSD says %v\n%s", depth, err, out)
		}
	}
}

func TestSOAFile(t *testing.T) {
	const soa = "SOA ns1 hostmaster 7 1 1 1 1\n"
	for _, c := range []struct {
		name, main, included, want string
	}{
		{"in the main file", "@ " + soa + "$INCLUDE a\n", "", "/zones/example.org"},
		{"in the included one", "$INCLUDE a\n", "@ " + soa, "/zones/a"},
		{"owner of the file before", "@ NS ns1\n$INCLUDE a\n", " " + soa, "/zones/a"},
		{"none", "@ NS ns1\n$INCLUDE a\n", "; SOA", "/zones/example.org: there is no SOA record in it"},
		{"two", "@ " + soa + "$INCLUDE a\n", "\n@ TYPE6 ns1 hostmaster 7 1 1 1 1\n", "/zones/a:2: an SOA record, after the one at /zones/example.org:1"},
		{"another zone's", "$INCLUDE a sub.example.org.\n", "@ " + soa, "/zones/a:1: the SOA record is that of sub.example.org., not of example.org."},
		{"one in a file included twice", "$INCLUDE a\n$INCLUDE a sub.example.org.\n", "@ " + soa, "/zones/a:1: an SOA record, after the one at /zones/a:1"},
	} {
		file, err := mustTree(t, map[string]string{"/zones/example.org": c.main, "/zones/a": c.included}).SOAFile()
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = file.Name()
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestSignedAndGenerate(t *testing.T) {
	tree := mustTree(t, map[string]string{"/zones/example.org": head + "$INCLUDE a\n", "/zones/a": "\nx TYPE48 \\# 0\n$GENERATE 1-9 h$ A 192.0.2.$\n"})
	if where, ok := tree.Signed(); !ok || where != "DNSKEY at x.example.org. (/zones/a:2)" {
		t.Error(where, ok)
	}
	if where, ok := tree.Generate(); !ok || where != "/zones/a:3" {
		t.Error(where, ok)
	}
	tree = mustTree(t, map[string]string{"/zones/example.org": head + "@ ZONEMD 7 1 1 " + strings.Repeat("00", 48) + "\n"})
	if where, ok := tree.Signed(); !ok || !strings.HasPrefix(where, "ZONEMD at example.org. ") {
		t.Error(where, ok)
	}
	tree = mustTree(t, map[string]string{"/zones/example.org": head + "rrsig DS 1 13 2 00\nrrsig CDS 0 0 0 00\n"})
	if where, ok := tree.Signed(); ok {
		t.Error(where)
	}
	if where, ok := tree.Generate(); ok {
		t.Error(where)
	}
}
