// Package acmezone holds tests of the project as a whole.
package acmezone

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/acmezone/acmezone/"

// mayImport is the import rule of ARCHITECTURE.md, which must show the same table.
var mayImport = map[string][]string{
	"templates":         {},
	"internal/zone":     {},
	"internal/durable":  {},
	"internal/flock":    {},
	"internal/audit":    {},
	"internal/metrics":  {"internal/audit", "internal/dnsserve", "internal/limit", "internal/nsdctl", "internal/publish", "internal/zone"},
	"internal/limit":    {},
	"internal/attach":   {"internal/audit", "internal/durable", "internal/flock", "internal/zone", "internal/zonetext", "internal/nsdctl"},
	"internal/config":   {},
	"internal/store":    {"internal/flock", "internal/zone"},
	"internal/zonegen":  {"internal/zone", "templates"},
	"internal/zonetext": {"internal/zone"},
	"internal/dnsserve": {"internal/limit", "internal/zone"},
	"internal/nsdctl":   {"internal/durable", "internal/zone", "internal/zonegen"},
	"internal/publish":  {"internal/zone"},
	"internal/api":      {"internal/audit", "internal/limit", "internal/zone"},
	"internal/check":    {"internal/zone", "internal/zonegen", "internal/nsdctl"},
	"internal/cert":     {"internal/durable", "internal/watch", "internal/zone"},
	"internal/client":   {"internal/zone"},
	"internal/acmedns":  {"internal/zone"},
	"internal/systemd":  {},
	"internal/watch":    {},
}

// TestImportRule walks the program's own imports, those of tests left out.
func TestImportRule(t *testing.T) {
	for dir, imports := range ownImports(t) {
		if strings.HasPrefix(dir, "cmd/") {
			continue
		}
		allowed, known := mayImport[dir]
		if !known && !strings.HasSuffix(dir, "test") {
			t.Errorf("%s is not in the import rule", dir)
		}
		for _, i := range imports {
			if known && !slices.Contains(allowed, i) {
				t.Errorf("%s imports %s, which the import rule forbids", dir, i)
			}
		}
	}
}

func ownImports(t *testing.T) map[string][]string {
	t.Helper()
	imports := make(map[string][]string)
	for _, path := range goFiles(t) {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Dir(path)
		imports[dir] = append(imports[dir], nil...)
		for _, i := range file.Imports {
			if own, ok := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), module); ok {
				imports[dir] = append(imports[dir], own)
			}
		}
	}
	return imports
}

func goFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "e2e" || strings.HasPrefix(d.Name(), ".") && path != "."):
			return fs.SkipDir
		case strings.HasSuffix(path, ".go"):
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestArchitecturePageShowsTheRule holds ARCHITECTURE.md to the table above.
func TestArchitecturePageShowsTheRule(t *testing.T) {
	page, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `([a-z/]+)` \\|.*\\| ([^|]*) \\|$").FindAllStringSubmatch(string(page), -1)
	shown := make(map[string]string)
	for _, r := range rows {
		shown[r[1]] = r[2]
	}
	for dir, allowed := range mayImport {
		var names []string
		for _, a := range allowed {
			names = append(names, filepath.Base(a))
		}
		want := strings.Join(names, ", ")
		if want == "" {
			want = "–"
		}
		if shown[dir] != want {
			t.Errorf("ARCHITECTURE.md says of %s that it may import %q, the rule says %q", dir, shown[dir], want)
		}
	}
}

// TestConventions holds the code to a few habits that reviews would otherwise have
// to repeat.
func TestConventions(t *testing.T) {
	banned := map[string]*regexp.Regexp{
		"an init function":         regexp.MustCompile(`(?m)^func init\(`),
		"a sleep in a test":        regexp.MustCompile(`time\.Sleep\(`),
		"a leftover":               regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`),
		"a package without a name": regexp.MustCompile(`(?m)^package (util|common|core|types|manager|helpers)$`),
	}
	for _, path := range goFiles(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for what, pattern := range banned {
			if what == "a sleep in a test" && (!strings.HasSuffix(path, "_test.go") || strings.Contains(string(text), `"testing/synctest"`)) {
				continue // synctest's time is virtual
			}
			if path != "architecture_test.go" && pattern.Match(text) {
				t.Errorf("%s holds %s", path, what)
			}
		}
	}
}

// TestLibcIsTheOneThatSQLiteWasMadeFor: modernc.org/sqlite is translated for one
// version of modernc.org/libc, and any other may corrupt memory.
func TestLibcIsTheOneThatSQLiteWasMadeFor(t *testing.T) {
	gomod, err := exec.Command("go", "list", "-m", "-f", "{{.GoMod}}", "modernc.org/sqlite").Output()
	if err != nil {
		t.Fatal(err)
	}
	required := regexp.MustCompile(`(?m)^\s*modernc\.org/libc (\S+)`)
	theirs, err := os.ReadFile(strings.TrimSpace(string(gomod)))
	if err != nil {
		t.Fatal(err)
	}
	ours, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if a, b := required.FindSubmatch(ours), required.FindSubmatch(theirs); a == nil || b == nil || string(a[1]) != string(b[1]) {
		t.Errorf("go.mod has libc %s, SQLite was made for %s", a, b)
	}
}
