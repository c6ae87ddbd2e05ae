package main

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/acmezone/acmezone/internal/zone"
)

// TestEveryCommandHasHelp holds all commands to the same habits.
func TestEveryCommandHasHelp(t *testing.T) {
	app := newApp(surroundings{})
	for _, p := range tree(app).all()[1:] {
		words := strings.Fields(p.Words)
		out, errs, code := command(t, append(words, "--help")...)
		if code != exitDone || errs != "" {
			t.Errorf("%s --help: exit code %d, %s", p.Words, code, errs)
		}
		if first, _ := utf8.DecodeRuneInString(p.Usage); !unicode.IsLower(first) || strings.HasSuffix(p.Usage, ".") {
			t.Errorf("%s: the usage %q should begin in lower case and have no full stop", p.Words, p.Usage)
		}
		if len(p.Examples) == 0 {
			t.Errorf("%s: no example", p.Words)
		}
		for _, e := range p.Examples {
			if !strings.Contains(out, e) {
				t.Errorf("%s --help doesn't show %q", p.Words, e)
			}
			holdExample(t, app, p, e)
		}
		for _, f := range p.Flags {
			if strings.Contains(f.Usage, "`") && f.Value == "" {
				t.Errorf("%s --%s takes no value but names one", p.Words, f.Name)
			}
			if zone.ValidChallenge("--" + f.Name) {
				t.Errorf("%s --%s would be taken for a DNS-01 value", p.Words, f.Name)
			}
		}
		if !strings.Contains(out, "--config FILE") {
			t.Errorf("%s takes no --config", p.Words)
		}
	}
}

// holdExample takes only examples of the command itself, with flags that it has.
func holdExample(t *testing.T, app *cli.App, p place, example string) {
	t.Helper()
	at := strings.Index(example, "acmezone "+p.Words)
	if at < 0 {
		t.Errorf("%s: %q is an example of something else", p.Words, example)
		return
	}
	if len(p.Below) > 0 {
		return // it stands at its own command, too
	}
	line, _, _ := strings.Cut(example[at:], " | ")
	for _, flag := range regexp.MustCompile(`(?:^| )--([a-z-]+)`).FindAllStringSubmatch(line, -1) {
		known := false
		for _, f := range p.Flags {
			known = known || f.Name == flag[1]
		}
		if !known {
			t.Errorf("%s: %q has a flag that there isn't", p.Words, example)
		}
	}
}

// TestGroupsNameWhatIsBelowThem: a group alone shows its help, and is no error.
func TestGroupsNameWhatIsBelowThem(t *testing.T) {
	for _, p := range tree(newApp(surroundings{})).all()[1:] {
		if len(p.Below) == 0 {
			continue
		}
		out, errs, code := command(t, strings.Fields(p.Words)...)
		if code != exitDone || errs != "" {
			t.Errorf("%s: exit code %d, %s", p.Words, code, errs)
		}
		for _, below := range p.Below {
			if !strings.Contains(out, below.Name()) {
				t.Errorf("%s doesn't name %s", p.Words, below.Name())
			}
		}
	}
}
