package attach

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/acmezone/acmezone/internal/nsdctl"
	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
	"github.com/acmezone/acmezone/internal/zonetext"
)

// corpus are the hand-written layouts of package zonetext, all of one zone.
const (
	corpus     = "../zonetext/testdata/corpus"
	corpusZone = "example.org"
)

// TestEveryLayoutIsLeftAsItWas attaches in each, and detaches again: what is left is the
// file as it was, but for the serial's digits.
func TestEveryLayoutIsLeftAsItWas(t *testing.T) {
	t.Parallel()
	server := nsdtest.Start(t, nsdtest.Options{Zones: []nsdtest.Zone{{Name: corpusZone, File: "zone", Text: readText(t, corpus+"/plain")}}})
	if err := os.CopyFS(filepath.Join(server.Dir, "inc"), os.DirFS(corpus+"/inc")); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(corpus)
	if err != nil {
		t.Fatal(err)
	}
	taken := 0
	for _, e := range entries {
		if e.IsDir() || !takenByNSD(t, server, e.Name()) {
			continue
		}
		taken++
		t.Run(e.Name(), func(t *testing.T) { thereAndBack(t, server, e.Name(), taken%2 == 0) })
	}
	if taken < 50 {
		t.Errorf("only %d layouts", taken)
	}
}

// takenByNSD leaves out the few layouts that the NSD here refuses as they are; which they
// are depends on its version.
func takenByNSD(t *testing.T, server *nsdtest.Server, layout string) bool {
	t.Helper()
	file, err := filepath.Abs(filepath.Join(corpus, layout))
	if err != nil {
		t.Fatal(err)
	}
	check := exec.Command(nsdtest.Program(t, "nsd-checkzone", "nsd"), corpusZone, file)
	check.Dir = server.Dir
	return check.Run() == nil
}

func thereAndBack(t *testing.T, server *nsdtest.Server, layout string, inline bool) {
	before := readText(t, filepath.Join(corpus, layout))
	server.Write(t, "zone", before)
	if _, err := server.Control("reload", corpusZone); err != nil {
		t.Fatal(err)
	}
	e := &Editor{
		NSD: nsdctl.Server{Config: server.Config}, Zones: []string{corpusZone}, Apex: "auth.example.net",
		SnippetDir: filepath.Join(server.Dir, "snippets"), Inline: inline, Patience: enough,
	}
	domain, at := "new.example.org", "8e57.auth.example.net."
	err := e.Attach(t.Context(), domain, at)
	if layout == "signed" {
		mustSay(t, err, "it is signed (")
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := answers(t, server, domain); got != at {
		t.Errorf("NSD answers %q", got)
	}
	if err := e.Detach(t.Context(), domain); err != nil {
		t.Fatal(err)
	}
	if got := answers(t, server, domain); got != "" {
		t.Errorf("NSD still answers %q", got)
	}
	after := readText(t, filepath.Join(server.Dir, "zone"))
	if a, b := withoutDigits(t, before), withoutDigits(t, after); a != b {
		t.Errorf("what is left:\n%s", zonetext.Unified("zone", []byte(a), []byte(b)))
	}
}

// withoutDigits is a zone file with the serial 1, and an end of its last line.
func withoutDigits(t *testing.T, text string) string {
	t.Helper()
	file, err := zonetext.Parse("zone", []byte(text), corpusZone+".")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimRight(string(file.WithSerial(1)), "\r\n")
}
