package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// driver is a program for a shell that completes the words in $LINE, of which the last
// one, perhaps empty, is the one at hand, by the script in $SCRIPT.
var driver = map[string]string{
	"bash": `source "$SCRIPT"
		IFS=' ' read -r -a COMP_WORDS <<< "$LINE"
		[[ $LINE == *' ' ]] && COMP_WORDS+=('')
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		function=$(complete -p acmezone); function=${function#*-F }
		"${function% *}"
		printf '%s\n' "${COMPREPLY[@]}"`,
	// Of the completion system only what shows the candidates is stood in for.
	"zsh": `autoload -U compinit; compinit -D -u
		source "$SCRIPT"
		_describe() { print -l -- ${${(P)@[-1]}%%:*} | grep -- "^$PREFIX" }
		_files() { print -l -- $PREFIX*(N) }
		words=(${(s: :)LINE})
		[[ $LINE == *' ' ]] && words+=('')
		CURRENT=$#words PREFIX=$words[-1]
		$_comps[acmezone]`,
	"fish": `source $SCRIPT
		complete -C "$LINE" | string replace -r '\t.*' ''`,
}

func TestCompletion(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "some.toml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for shell, program := range driver {
		t.Run(shell, func(t *testing.T) {
			path := needProgram(t, shell, shell)
			script := filepath.Join(t.TempDir(), "script")
			out, _, _ := command(t, "completion", shell)
			if err := os.WriteFile(script, []byte(out), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, c := range []struct{ line, want string }{
				{"acmezone acc", "account"},
				{"acmezone account l", "list"},
				{"acmezone account ", "list remove rotate show unbind"},
				{"acmezone account list --", "--after --bound --config --help --idle --json --limit --made-with --search --server --token"},
				{"acmezone account list --idle 60d --js", "--json"},
				{"acmezone --config some.toml token r", "revoke"},
				{"acmezone token revoke --ac", "--accounts"},
				{"acmezone token list --ac", ""},
				{"acmezone token list list --j", "--json"},
				{"acmezone account list --search ", ""},
				{"acmezone account show s", ""},
				{"acmezone config check so", "some.toml"},
				{"acmezone zone --config so", "some.toml"},
				{"acmezone frob", ""},
			} {
				run := exec.Command(path, "-c", program)
				run.Dir = dir
				run.Env = append(os.Environ(), "LINE="+c.line, "SCRIPT="+script, "HOME="+dir)
				var stderr bytes.Buffer
				run.Stderr = &stderr
				out, _ := run.Output() // a shell's exit code says whether there was anything
				got := strings.Fields(string(out))
				slices.Sort(got)
				if strings.Join(got, " ") != c.want || stderr.Len() > 0 {
					t.Errorf("%s: %q, want %q; %s", c.line, got, c.want, &stderr)
				}
			}
		})
	}
}

func TestManualPageIsClean(t *testing.T) {
	app := newApp(surroundings{stdout: io.Discard, stderr: io.Discard})
	var page bytes.Buffer
	if err := writeMan(&page, tree(app), "2026-01-31"); err != nil {
		t.Fatal(err)
	}
	text := page.String()
	lint := exec.Command(needProgram(t, "mandoc", "mandoc"), "-T", "lint")
	lint.Stdin = strings.NewReader(text)
	if said, _ := lint.CombinedOutput(); complains(said) {
		t.Errorf("%s", said)
	}
	show := exec.Command("mandoc", "-T", "ascii", "-O", "width=200")
	show.Stdin = strings.NewReader(text)
	out, err := show.Output()
	if err != nil {
		t.Fatal(err)
	}
	overstruck := strings.NewReplacer("_\b", "").Replace(string(out))
	var shown strings.Builder // without what is struck twice to be bold
	for i := 0; i < len(overstruck); i++ {
		if i+1 < len(overstruck) && overstruck[i+1] == '\b' {
			i++
			continue
		}
		shown.WriteByte(overstruck[i])
	}
	for _, p := range tree(app).all()[1:] {
		if len(p.Below) == 0 && !strings.Contains(shown.String(), "\n   acmezone "+p.Words) {
			t.Errorf("acmezone %s has no section", p.Words)
		}
		for _, f := range p.Flags {
			if !strings.Contains(shown.String(), "       --"+f.Name) {
				t.Errorf("acmezone %s: --%s is not there", p.Words, f.Name)
			}
		}
		for _, e := range p.Examples {
			if len(p.Below) == 0 && !strings.Contains(shown.String(), "\n       "+e+"\n") {
				t.Errorf("acmezone %s: the example %q is not there", p.Words, e)
			}
		}
	}
}

// complains reports whether a linter says more than that an example is a long line, which
// must stay whole to be pasted.
func complains(said []byte) bool {
	for line := range strings.Lines(string(said)) {
		if !strings.Contains(line, "input text line longer than 80 bytes: acmezone ") {
			return true
		}
	}
	return false
}
