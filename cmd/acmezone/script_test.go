package main

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs the command line as a person types it.
func TestScripts(t *testing.T) {
	needProgram(t, "sqlite3", "sqlite3")
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"failed": exits(exitFailed),
			"usage":  exits(exitUsage),
		},
	})
}

// exits makes a command that runs a program which must end with that code and say
// why in one line.
func exits(code int) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		err := ts.Exec(args[0], args[1:]...)
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != code {
			ts.Fatalf("%v: %v, want exit code %d", args, err, code)
		}
		said := ts.ReadFile("stderr")
		if strings.Count(said, "\n") != 1 || !strings.HasPrefix(said, "acmezone: ") {
			ts.Fatalf("%v: not one line: %q", args, said)
		}
	}
}
