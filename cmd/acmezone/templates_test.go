package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestServiceTakesUpTemplates: without a restart, and without giving up over a broken
// one.
func TestServiceTakesUpTemplates(t *testing.T) {
	dir := t.TempDir()
	config := writeTestConfig(t, dir)
	start(t, config)
	header := filepath.Join(dir, "templates", "zone-header.tmpl")
	if err := os.Mkdir(filepath.Dir(header), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ template, head string }{
		{"; for {{.Zone}}\n", "; for auth.test\n$ORIGIN "},
		{"; for {{.Zone", "; for auth.test\n$ORIGIN "}, // the last good one stays
		{"; again for {{.Zone}}\n", "; again for auth.test\n$ORIGIN "},
	} {
		if err := os.WriteFile(header, []byte(c.template), 0o600); err != nil {
			t.Fatal(err)
		}
		out, errs, code := command(t, "zone", "--config", config)
		if code != exitDone || errs != "" || !strings.HasPrefix(out, c.head) {
			t.Errorf("%q: exit code %d, %s%s", c.template, code, errs, out)
		}
	}
}

func TestTemplatesLieBesideTheConfigurationFile(t *testing.T) {
	dir := t.TempDir()
	path := writeTestConfig(t, dir)
	for _, c := range []struct {
		path, want string
		environ    []string
	}{
		{path, filepath.Join(dir, "templates"), nil},
		{path, filepath.Join(dir, "templates"), []string{"ACMEZONE_ZONE_NAME=other.test"}},
		{"", "", []string{"ACMEZONE_ZONE_NAME=other.test"}},
	} {
		cfg, err := readConfig(c.path, surroundings{environ: c.environ})
		if err != nil {
			t.Fatal(err)
		}
		if got := templatesFolder(cfg); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
