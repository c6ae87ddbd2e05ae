// Command acmezone gives ACME clients an API for DNS-01 challenges: see README.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"
)

// Exit codes, part of the contract.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	// The first signal asks for a graceful stop; after it they have their ordinary
	// effect again, so that a second one ends what hangs.
	ctx, restore := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, restore)
	os.Exit(run(ctx, os.Args, surroundings{os.Stdin, os.Stdout, os.Stderr, os.Environ()}))
}

// surroundings are what a process is given besides its arguments.
type surroundings struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string
}

// getenv returns the value of an environment variable, or "".
func (s surroundings) getenv(name string) string {
	for _, entry := range s.environ {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// usageError is a mistake in the command line or the configuration.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// run is the whole program, for tests too.
func run(ctx context.Context, args []string, s surroundings) int {
	app := newApp(s)
	err := app.RunContext(ctx, flagsFirst(app, args))
	if err == nil {
		return exitDone
	}
	fmt.Fprintln(s.stderr, "acmezone: "+oneLine(err))
	var usage usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

// oneLine folds joined errors into the one line that people and logs expect.
func oneLine(err error) string {
	return strings.Join(strings.FieldsFunc(err.Error(), func(c rune) bool { return c == '\n' }), "; ")
}

func newApp(s surroundings) *cli.App {
	app := &cli.App{
		Name:      "acmezone",
		Usage:     "an API for ACME DNS-01 challenges, for people who run their own name servers",
		UsageText: "acmezone COMMAND [flags] [arguments]",
		Description: "Try it:     acmezone serve --dev\n" +
			"Run it:     acmezone serve --config /etc/acmezone/acmezone.toml",
		Commands: []*cli.Command{
			serveCommand(s), cnameCommand(s), attachCommand(s), detachCommand(s), attachHelperCommand(s), updateCommand(s),
			accountCommand(s), tokenCommand(s), importCommand(s), backupCommand(s), restoreCommand(s),
			zoneCommand(s), delegationCommand(s), nsdConfCommand(s),
			checkCommand(s), configCommand(s), completionCommand(s), manCommand(s), versionCommand(s),
		},
		Flags:           []cli.Flag{configFlag()},
		HideVersion:     true,
		HideHelpCommand: true,
		Writer:          s.stdout,
		ErrWriter:       s.stderr,
		Reader:          s.stdin,
		ExitErrHandler:  func(*cli.Context, error) {}, // run does it
		OnUsageError:    onUsageError,
		Action: func(c *cli.Context) error {
			return noCommand(c, "acmezone", c.App.Commands, cli.ShowAppHelp)
		},
	}
	sayWrongUsageInOneLine(app.Commands)
	return app
}

// group makes a command that only has commands below it, whose examples are its own.
func group(name, usage string, commands ...*cli.Command) *cli.Command {
	var examples []string
	for _, c := range commands {
		_, more := cutDescription(c.Description)
		examples = append(examples, more[:min(1, len(more))]...)
	}
	return &cli.Command{
		Name: name, Usage: usage, Flags: []cli.Flag{configFlag()}, Subcommands: commands,
		Description: "Examples:\n   " + strings.Join(examples, "\n   "),
		Action: func(c *cli.Context) error {
			return noCommand(c, "acmezone "+name, commands, cli.ShowSubcommandHelp)
		},
	}
}

// sayWrongUsageInOneLine replaces the library's answer to a wrong flag, which is
// the whole help.
func sayWrongUsageInOneLine(commands []*cli.Command) {
	for _, c := range commands {
		c.OnUsageError, c.HideHelpCommand = onUsageError, true
		sayWrongUsageInOneLine(c.Subcommands)
	}
}

func onUsageError(c *cli.Context, err error, _ bool) error {
	name := c.App.HelpName
	if c.Command != nil && c.Command.HelpName != "" {
		name = c.Command.HelpName
	}
	return usagef("%w; see '%s --help'", err, name)
}

// noCommand runs where no command was given, or none that there is.
func noCommand(c *cli.Context, parent string, commands []*cli.Command, help func(*cli.Context) error) error {
	name := c.Args().First()
	if name == "" {
		return help(c)
	}
	var names []string
	for _, command := range commands {
		names = append(names, command.Name)
	}
	return usagef("there is no command '%s %s'; there are: %s", parent, name, strings.Join(names, ", "))
}

// noArguments refuses arguments where a command takes none.
func noArguments(c *cli.Context) error {
	if c.Args().Present() {
		return usagef("'%s' takes no argument, but was given %q", c.Command.HelpName, c.Args().First())
	}
	return nil
}
