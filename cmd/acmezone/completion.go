package main

import (
	"embed"
	"io"
	"slices"
	"strings"
	"text/template"

	"github.com/urfave/cli/v2"
)

// shellFiles are the texts around what is generated of the commands.
//
//go:embed shell
var shellFiles embed.FS

func completionCommand(s surroundings) *cli.Command {
	return group("completion", "print a script by which a shell completes commands and flags",
		completionOf(s, "bash", "acmezone completion bash > /etc/bash_completion.d/acmezone", "source <(acmezone completion bash)"),
		completionOf(s, "zsh", "acmezone completion zsh > /usr/local/share/zsh/site-functions/_acmezone", "source <(acmezone completion zsh)"),
		completionOf(s, "fish", "acmezone completion fish > ~/.config/fish/completions/acmezone.fish", "acmezone completion fish | source"))
}

func completionOf(s surroundings, shell, install, try string) *cli.Command {
	return &cli.Command{
		Name:  shell,
		Usage: "print the script for " + shell,
		Description: "The first example installs it for shells that start from then on, the second is for\n" +
			"the one at hand.\n\nExamples:\n   " + install + "\n   " + try,
		Flags:  []cli.Flag{configFlag()},
		Before: noArguments,
		Action: func(*cli.Context) error { return writeCompletion(s.stdout, shell, tree(newApp(s))) },
	}
}

// writeCompletion writes the script of a shell. It knows all there is to complete and
// asks nobody, so that a key is answered at once, and the same beside any version.
func writeCompletion(w io.Writer, shell string, root place) error {
	script, err := template.New("completion."+shell).Funcs(template.FuncMap{
		"quoted": func(text string) string { return quotedFor(shell, text) },
		"plain":  func(usage string) string { return strings.ReplaceAll(usage, "`", "") },
		"join":   strings.Join,
	}).ParseFS(shellFiles, "shell/completion."+shell)
	if err != nil {
		return err
	}
	values, files := valueWords(root)
	return script.Execute(w, map[string]any{"Places": root.all(), "ValueFlags": values, "FileFlags": files})
}

// valueWords returns the flags that take a value, and those of them whose value is a
// file, as they are typed.
func valueWords(root place) (values, files []string) {
	for _, p := range root.all() {
		for _, f := range p.Flags {
			if f.Value != "" {
				values = append(values, "--"+f.Name)
			}
			if f.TakesFile() {
				files = append(files, "--"+f.Name)
			}
		}
	}
	slices.Sort(values)
	slices.Sort(files)
	return slices.Compact(values), slices.Compact(files)
}

// quotedFor puts a text into single quotes.
func quotedFor(shell, text string) string {
	escaped := strings.ReplaceAll(text, "'", `'\''`)
	if shell == "fish" {
		escaped = strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(text)
	}
	return "'" + escaped + "'"
}
