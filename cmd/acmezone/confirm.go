package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"
)

func yesFlag() cli.Flag {
	return &cli.BoolFlag{Name: "yes", Usage: "don't ask", DisableDefaultText: true}
}

// errNotConfirmed: the answer wasn't yes.
var errNotConfirmed = errors.New("nothing was done: the answer was not 'yes'")

// confirmable refuses a command that would have to ask where nobody can answer. It comes
// before anything is looked up, so that a script fails the same way each time.
func confirmable(c *cli.Context, s surroundings) error {
	if c.Bool("yes") || isTerminal(s.stdin) {
		return nil
	}
	return usagef("'%s' asks before it removes, and standard input is no terminal: say --yes", c.Command.HelpName)
}

// confirm has a person read what is about to happen. No answer is no. The database must
// not be open meanwhile: a service that starts would wait for the person.
func confirm(c *cli.Context, s surroundings, question string) error {
	if c.Bool("yes") {
		return nil
	}
	return ask(c.Context, s, question)
}

func ask(ctx context.Context, s surroundings, question string) error {
	fmt.Fprintf(s.stderr, "%s [y/N] ", question)
	answered := make(chan string, 1)
	go func() { // until there is an answer, or the program ends
		line, _ := bufio.NewReader(s.stdin).ReadString('\n') // without an answer it is no
		answered <- line
	}()
	var answer string
	select {
	case answer = <-answered:
	case <-ctx.Done():
		fmt.Fprintln(s.stderr)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errNotConfirmed
}

// isTerminal reports whether somebody may be there to answer, or to read. A terminal
// alone has a size; /dev/null is a character device too.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	return err == nil
}
