package templates

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// folder makes a folder of templates out of names and texts.
func folder(t testing.TB, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		write(t, filepath.Join(dir, files[i]), files[i+1])
	}
	return dir
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func header(t testing.TB, s *Set, h ZoneHeader) string {
	t.Helper()
	var b strings.Builder
	if err := s.ZoneHeader(&b, h); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestEmbeddedTemplatesPassTheirOwnChecks(t *testing.T) {
	if err := Embedded().try(); err != nil {
		t.Error(err)
	}
	tried := make(map[string]bool)
	for _, d := range examples {
		tried[d.file()] = true
	}
	if len(tried) != len(embedded.byName) {
		t.Errorf("there are %d templates, and examples for %d", len(embedded.byName), len(tried))
	}
}

func TestLoadWithoutFilesIsTheEmbeddedSet(t *testing.T) {
	for _, dir := range []string{"", filepath.Join(t.TempDir(), "missing"), folder(t, "README", "x", ".zone-header.tmpl", "{{", "zone-header.tmpl~", "{{")} {
		set, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		h := ZoneHeader{Zone: "auth.test"}
		if got, want := header(t, set, h), header(t, Embedded(), h); got != want {
			t.Errorf("%q: %s", dir, cmp.Diff(want, got))
		}
	}
}

func TestAFileTakesThePlaceOfItsTemplateOnly(t *testing.T) {
	// From another system, and without an end of its last line.
	set, err := Load(folder(t, "zone-header.tmpl", "\ufeff; {{.Zone}}\r\n\r\n;{{.Serial}} {{.LiveNames}}"))
	if err != nil {
		t.Fatal(err)
	}
	if got := header(t, set, ZoneHeader{"auth.test", 7, 2}); got != "; auth.test\n\n;7 2\n" {
		t.Errorf("%q", got)
	}
	var b strings.Builder
	if err := set.CNAME(&b, CNAME{Record: "a. CNAME b."}); err != nil || b.String() != "a. CNAME b.\n" {
		t.Errorf("%q, %v", &b, err)
	}
}

// TestWhatLoadRefuses: DIR stands for the folder.
func TestWhatLoadRefuses(t *testing.T) {
	for _, c := range []struct{ name, text, say string }{
		{"zone-heder.tmpl", "", "DIR/zone-heder.tmpl: there is no template of that name; there are cname.tmpl, delegation.tmpl, nsd-stanza.tmpl, zone-header.tmpl"},
		{"zone-header.tmpl", "; a\n; {{.Zone", "DIR/zone-header.tmpl:2: unclosed action"},
		{"zone-header.tmpl", "; a\n; {{if .Zone}}", "DIR/zone-header.tmpl:2: unexpected EOF"},
		{"zone-header.tmpl", "; a\n; {{.Name}}", "DIR/zone-header.tmpl:2:4: <.Name>: can't evaluate field Name; there are .Zone, .Serial, .LiveNames"},
		{"zone-header.tmpl", "; a\nb {{.Zone}}\n", `DIR/zone-header.tmpl: line 2 of its output, "b auth.example.org", would be zone data: begin it with ';'`},
		{"zone-header.tmpl", " ; a", `DIR/zone-header.tmpl: line 1 of its output, " ; a", would be zone data: begin it with ';'`},
		{"zone-header.tmpl", "; a\rb A 192.0.2.1", `DIR/zone-header.tmpl: line 1 of its output, "; a\rb A 192.0.2.1", would be zone data: begin it with ';'`},
		{"zone-header.tmpl", "{{if not .LiveNames}}idle{{end}}", `DIR/zone-header.tmpl: line 1 of its output, "idle", would be zone data: begin it with ';'`},
		{"delegation.tmpl", "; {{.Zone}}\n{{range .NS}}{{.}}\n{{end}}", `DIR/delegation.tmpl: it leaves out the record "auth.example.org.\t3600\tIN\tA\t198.51.100.1"`},
		{"delegation.tmpl", "{{range .NS}}{{.}}{{end}}", `DIR/delegation.tmpl: line 1 of its output, "auth.example.org.\t3600\tIN\tNS\tauth.example.org.auth.example.o", would be zone data: begin it with ';', or print a record as it was given`},
		{"cname.tmpl", "{{.Owner}} {{.TTL}} CNAME {{.Target}}", `DIR/cname.tmpl: line 1 of its output, "_acme-challenge.example.org. 3600 CNAME 8e57a3d4-0c5f-4f0e-9", would be zone data: begin it with ';', or print a record as it was given`},
		{"nsd-stanza.tmpl", "{{.Primary.Address}}", "DIR/nsd-stanza.tmpl:1:10: <.Primary.Address>: nil pointer evaluating *templates.Server.Address"},
	} {
		dir := folder(t, c.name, c.text)
		if _, err := Load(dir); err == nil || err.Error() != strings.ReplaceAll(c.say, "DIR", dir) {
			t.Errorf("%s %q:\n  said %v\n  want %s", c.name, c.text, err, c.say)
		}
	}
}

func TestLoadRefusesWhatIsNoFolderOrFile(t *testing.T) {
	dir := folder(t, "file", "")
	if _, err := Load(filepath.Join(dir, "file")); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Error(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "cname.tmpl"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir); err == nil || err.Error() != dir+"/cname.tmpl is not a file" {
		t.Error(err)
	}
}

func TestRecordsMayHaveCommentsAroundThem(t *testing.T) {
	set, err := Load(folder(t, "delegation.tmpl", "; head\n{{range .NS}}{{.}} ; ns\n{{end}}\n{{range .Glue}}{{.}}; glue\n{{end}}; foot"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	err = set.Delegation(&b, Delegation{Zone: "auth.test", NS: []string{"auth.test. NS auth.test."}, Glue: []string{"auth.test. A 192.0.2.1"}})
	want := "; head\nauth.test. NS auth.test. ; ns\n\nauth.test. A 192.0.2.1; glue\n; foot\n"
	if err != nil || b.String() != want {
		t.Error(cmp.Diff(want, b.String()), err)
	}
}

func TestNothingIsWrittenOfWhatFails(t *testing.T) {
	var b strings.Builder
	if err := Embedded().CNAME(&b, CNAME{Record: "a. CNAME b.\nc. CNAME d."}); err == nil || b.Len() > 0 {
		t.Errorf("%q, %v", &b, err)
	}
}

// TestAHeaderThatFailsLaterHoldsUpNothing: with the example data it doesn't.
func TestAHeaderThatFailsLaterHoldsUpNothing(t *testing.T) {
	set, err := Load(folder(t, "zone-header.tmpl", "; fine\n{{if eq .Serial 13}}\nnot fine{{end}}"))
	if err != nil {
		t.Fatal(err)
	}
	h := ZoneHeader{"auth.test", 13, 0}
	said, rest, _ := strings.Cut(header(t, set, h), "\n")
	if !strings.HasPrefix(said, "; Not used: ") || !strings.Contains(said, "not fine") || rest != header(t, Embedded(), h) {
		t.Errorf("%s\n%s", said, rest)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestErrorsOfTheWriterAreReported(t *testing.T) {
	if err := Embedded().ZoneHeader(full{}, ZoneHeader{}); err == nil {
		t.Error("no error")
	}
	if err := Embedded().NSDStanza(full{}, NSDStanza{}); err == nil {
		t.Error("no error")
	}
}
