package config

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func exampleFile(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../examples/acmezone.toml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestExampleIsRight(t *testing.T) {
	c, fault := load(t, exampleFile(t))
	if fault != "" || len(c.Warnings()) > 0 {
		t.Error(fault, c.Warnings())
	}
}

// setting is a line of the example that sets a key, or would if it weren't a comment.
var setting = regexp.MustCompile(`^(# )?(\[[a-z]+\]|[a-z_]+ = (?:"[^"]*"|\[.*\]|[0-9]+))$`)

// TestExampleHasEveryKeyInOrder compares the example's keys with the program's, so
// that none is missing, none is left over, and people find them in the same order.
func TestExampleHasEveryKeyInOrder(t *testing.T) {
	var found []string
	section := ""
	for line := range strings.Lines(exampleFile(t)) {
		m := setting.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			continue
		}
		if name, ok := strings.CutPrefix(m[2], "["); ok {
			section = strings.TrimSuffix(name, "]")
			found = append(found, section)
			continue
		}
		name, _, _ := strings.Cut(m[2], " =")
		found = append(found, section+"."+name)
	}
	if diff := cmp.Diff(knownNames(), found); diff != "" {
		t.Error(diff)
	}
}

// TestExampleShowsTheDefaults reads the example with every comment that shows a
// default put in. Those under "For example:" show something else.
func TestExampleShowsTheDefaults(t *testing.T) {
	var shown strings.Builder
	illustrates := false
	for line := range strings.Lines(exampleFile(t)) {
		m := setting.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		switch {
		case m == nil:
			illustrates = strings.HasSuffix(line, "For example:\n")
		case m[1] != "" && !illustrates, strings.HasPrefix(m[2], "["):
			shown.WriteString(m[2] + "\n")
		}
	}
	c := &Config{}
	if err := c.decode(shown.String()); err != nil {
		t.Fatalf("%v in\n%s", err, shown.String())
	}
	want := Default()
	want.API.RegisterFrom, want.Limits.Exempt, want.DNS, want.NSD = loopback(), loopback(), defaultDNS(), defaultNSD()
	if diff := cmp.Diff(want, c, ignoreOrigin, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the example's defaults are not the program's:\n%s", diff)
	}
}
