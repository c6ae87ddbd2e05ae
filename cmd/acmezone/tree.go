package main

import (
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"
)

// place is a command and the words that lead to it: what completion and the manual page
// are made of, so that they never say anything else than --help does.
type place struct {
	Words    string // "account list"; "" for the program itself
	Usage    string
	Args     string // "NAME [VALUE]"
	Prose    string
	Examples []string
	Flags    []flagShape
	Below    []place // in the order of help
}

// flagShape is a flag as it is typed.
type flagShape struct {
	Name    string // without the hyphens
	Value   string // what stands for its value in help, "" where it takes none
	Usage   string // Value in backquotes
	Default string
}

// tree returns the place of the program itself.
func tree(app *cli.App) place {
	root := place{Usage: app.Usage, Args: "COMMAND", Flags: shapes(app.Flags)}
	for _, c := range app.Commands {
		root.Below = append(root.Below, branch("", c))
	}
	return root
}

func branch(above string, c *cli.Command) place {
	p := place{Words: strings.TrimSpace(above + " " + c.Name), Usage: c.Usage, Args: c.ArgsUsage, Flags: shapes(c.Flags)}
	p.Prose, p.Examples = cutDescription(c.Description)
	for _, below := range c.Subcommands {
		p.Below = append(p.Below, branch(p.Words, below))
	}
	return p
}

// all returns the place and all below it.
func (p place) all() []place {
	all := []place{p}
	for _, below := range p.Below {
		all = append(all, below.all()...)
	}
	return all
}

// Name is the last of the words.
func (p place) Name() string { return p.Words[strings.LastIndexByte(p.Words, ' ')+1:] }

// TakesFile reports whether file names may be completed as arguments.
func (p place) TakesFile() bool { return meansFile(p.Args) }

// Meaning is what the flag is for, and what holds without it.
func (f flagShape) Meaning() string {
	if f.Default == "" {
		return f.Usage
	}
	return f.Usage + " (default: " + f.Default + ")"
}

// TakesFile reports whether the flag's value is the name of a file.
func (f flagShape) TakesFile() bool { return meansFile(f.Value) }

func meansFile(placeholder string) bool {
	return strings.Contains(placeholder, "FILE") || strings.Contains(placeholder, "SOURCE")
}

// exampleMark stands before the examples in the description of every command.
var exampleMark = regexp.MustCompile(`(?m)^Examples?:\n`)

// cutDescription parts what explains a command from its examples, one a line.
func cutDescription(text string) (prose string, examples []string) {
	mark := exampleMark.FindStringIndex(text)
	if mark == nil {
		return text, nil
	}
	for line := range strings.Lines(text[mark[1]:]) {
		examples = append(examples, strings.TrimSpace(line))
	}
	return strings.TrimSpace(text[:mark[0]]), examples
}

func shapes(flags []cli.Flag) []flagShape {
	var all []flagShape
	for _, f := range flags {
		doc, ok := f.(cli.DocGenerationFlag)
		if !ok || f.Names()[0] == "help" {
			continue
		}
		shape := flagShape{Name: f.Names()[0], Usage: doc.GetUsage()}
		if doc.TakesValue() {
			shape.Default = doc.GetDefaultText()
			_, after, _ := strings.Cut(shape.Usage, "`")
			shape.Value, _, _ = strings.Cut(after, "`")
		}
		all = append(all, shape)
	}
	return append(all, flagShape{Name: "help", Usage: "show the help"})
}
