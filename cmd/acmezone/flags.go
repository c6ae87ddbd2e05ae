package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/acmezone/acmezone/internal/zone"
)

// configFlag is the one flag that goes with every command.
func configFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "config", Usage: "read the configuration from `FILE` (default: $ACMEZONE_CONFIG, then " + defaultConfig + ")",
	}
}

func jsonFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "print JSON", DisableDefaultText: true}
}

// flagsFirst puts the flags of a command line before its arguments, wherever they
// stood: the library stops looking for flags at the first argument, and before
// the command's name it knows none of the command's.
func flagsFirst(app *cli.App, args []string) []string {
	takesValue := valueFlags(app.Flags, app.Commands)
	var path, flags, arguments []string
	commands := app.Commands
	rest := args[1:]
	for len(rest) > 0 {
		word := rest[0]
		rest = rest[1:]
		switch {
		case word == "--":
			arguments, rest = append(arguments, rest...), nil
		case isFlag(word):
			flags = append(flags, word)
			if takesValue[strings.TrimLeft(word, "-")] && len(rest) > 0 {
				flags, rest = append(flags, rest[0]), rest[1:]
			}
		default:
			if command := find(commands, word); command != nil && len(arguments) == 0 {
				path, commands = append(path, word), command.Subcommands
			} else {
				arguments = append(arguments, word)
			}
		}
	}
	ordered := append(append([]string{args[0]}, path...), flags...)
	if slices.ContainsFunc(arguments, func(a string) bool { return strings.HasPrefix(a, "-") }) {
		ordered = append(ordered, "--")
	}
	return append(ordered, arguments...)
}

// isFlag tells a flag from an argument: one in sixty-four DNS-01 values begins with a
// hyphen, and no flag is as long as they are.
func isFlag(word string) bool {
	return len(word) > 1 && word[0] == '-' && !zone.ValidChallenge(word)
}

func find(commands []*cli.Command, name string) *cli.Command {
	for _, c := range commands {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}

// valueFlags returns the names of all flags that take a value, in any command.
func valueFlags(flags []cli.Flag, commands []*cli.Command) map[string]bool {
	takes := make(map[string]bool)
	for _, f := range flags {
		if _, isBool := f.(*cli.BoolFlag); !isBool {
			for _, name := range f.Names() {
				takes[name] = true
			}
		}
	}
	for _, c := range commands {
		for name := range valueFlags(c.Flags, c.Subcommands) {
			takes[name] = true
		}
	}
	return takes
}
