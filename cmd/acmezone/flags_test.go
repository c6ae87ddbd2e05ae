package main

import (
	"io"
	"slices"
	"strings"
	"testing"
)

func TestFlagsStandAnywhere(t *testing.T) {
	app := newApp(surroundings{stdout: io.Discard, stderr: io.Discard})
	hyphen := "-" + strings.Repeat("a", 42)
	hyphens := "--" + strings.Repeat("b", 41)
	for _, c := range []struct{ typed, want string }{
		{"token list --json", "token list --json"},
		{"--json token list", "token list --json"},
		{"token revoke a --config f b", "token revoke --config f a b"},
		{"token revoke a -- --config", "token revoke -- a --config"},
		{"token revoke -- list", "token revoke list"},
		{"update example.org " + hyphen + " --json", "update --json -- example.org " + hyphen},
		{"update --remove example.org " + hyphens, "update --remove -- example.org " + hyphens},
		{"update example.org " + hyphen + "a", "update " + hyphen + "a example.org"},
		{"token create --expires -1h", "token create --expires -1h"},
	} {
		got := flagsFirst(app, append([]string{"acmezone"}, strings.Fields(c.typed)...))
		if want := append([]string{"acmezone"}, strings.Fields(c.want)...); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", c.typed, got, want)
		}
	}
}
