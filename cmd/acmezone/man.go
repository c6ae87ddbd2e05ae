package main

import (
	"io"
	"runtime/debug"
	"slices"
	"strings"
	"text/template"

	"github.com/urfave/cli/v2"
)

func manCommand(s surroundings) *cli.Command {
	return &cli.Command{
		Name:  "man",
		Usage: "print the manual page",
		Description: "It is made of the same texts as --help.\n\nExamples:\n" +
			"   acmezone man | man -l -\n" +
			"   acmezone man > /usr/local/share/man/man1/acmezone.1",
		Flags:  []cli.Flag{configFlag()},
		Before: noArguments,
		Action: func(*cli.Context) error { return writeMan(s.stdout, tree(newApp(s)), commitDay()) },
	}
}

// commitDay returns the day of the commit that the program was built from, or "".
func commitDay() string {
	info, ok := debug.ReadBuildInfo()
	if committed != "" || !ok {
		return committed
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.time" {
			day, _, _ := strings.Cut(s.Value, "T")
			return day
		}
	}
	return ""
}

// writeMan writes the manual page, in the language of man(7).
func writeMan(w io.Writer, root place, day string) error {
	page, err := template.New("acmezone.1").Funcs(template.FuncMap{
		"roff": roff, "fold": fold, "sentence": sentence, "paragraphs": paragraphs, "literal": literal,
		"everywhere": func(f flagShape) bool { return slices.Contains(root.Flags, f) },
	}).ParseFS(shellFiles, "shell/acmezone.1")
	if err != nil {
		return err
	}
	return page.Execute(w, map[string]any{
		"Date": day, "Version": thisVersion().Version, "Root": root, "Commands": root.all()[1:], "Config": defaultConfig,
	})
}

// roff escapes a text, hyphens too, which would otherwise be typeset as dashes that
// nobody can paste into a shell.
func roff(text string) string {
	lines := strings.Split(strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}

// sourceWidth is how long lines of a page's source are by custom.
const sourceWidth = 79

// fold escapes running text and breaks its lines anew. What stands in backquotes, the
// name of a flag's value, comes out in italics, as it does beside the flag.
func fold(text string) string {
	parts := strings.Split(text, "`")
	for i := range parts {
		if parts[i] = roff(parts[i]); i%2 == 1 {
			parts[i] = `\fI` + parts[i] + `\fP`
		}
	}
	var b strings.Builder
	width := 0
	for word := range strings.FieldsSeq(strings.Join(parts, "")) {
		switch {
		case width == 0:
		case width+1+len(word) > sourceWidth:
			b.WriteByte('\n')
			width = 0
			if strings.HasPrefix(word, "'") || strings.HasPrefix(word, ".") {
				word = `\&` + word
			}
		default:
			b.WriteByte(' ')
			width++
		}
		b.WriteString(word)
		width += len(word)
	}
	return b.String()
}

// sentence makes one of a command's usage.
func sentence(usage string) string { return strings.ToUpper(usage[:1]) + usage[1:] + "." }

// paragraphs are parted by an empty line.
func paragraphs(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n\n")
}

// literal reports whether a paragraph's lines stand as they are: it is indented.
func literal(paragraph string) bool { return strings.HasPrefix(paragraph, " ") }
