package zonegen

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/acmezone/acmezone/templates"
)

// TestWriteWithOtherTemplates: the head is another, the zone is the same.
func TestWriteWithOtherTemplates(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "zone-header.tmpl"), []byte("; {{.Zone}} {{.Serial}} {{.LiveNames}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := templates.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	def, snap := definition(t, "@ A 198.51.100.1"), snapshot("a "+value)
	var own, embedded bytes.Buffer
	if err := WriteWith(&own, set, def, snap); err != nil {
		t.Fatal(err)
	}
	if err := Write(&embedded, def, snap); err != nil {
		t.Fatal(err)
	}
	head, zone, _ := strings.Cut(own.String(), "\n")
	if head != "; auth.example.org 42 1" || records(zone) != records(embedded.String()) {
		t.Errorf("%s\ninstead of the zone in\n%s", own.String(), embedded.String())
	}
}

// records are a zone file's lines without its comments.
func records(file string) string {
	var kept []string
	for line := range strings.Lines(file) {
		if !strings.HasPrefix(line, ";") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}
