package main

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/acmezone/acmezone/internal/client"
)

// TestScripts runs the command line as a person types it.
func TestScripts(t *testing.T) {
	needProgram(t, "sqlite3", "sqlite3")
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"failed": exits(exitFailed),
			"usage":  exits(exitUsage),
			"ready":  untilReady,
		},
	})
}

// untilReady waits for the service that a script has started in the background, by its
// admin socket. The script's end ends the service.
func untilReady(ts *testscript.TestScript, _ bool, args []string) {
	deadline := time.Now().Add(startTime)
	for {
		service, err := client.Dial(context.Background(), ts.MkAbs(args[0]))
		if err == nil {
			ts.Check(service.Close())
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("no service after %v: %v", startTime, err)
		}
		<-time.After(10 * time.Millisecond)
	}
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
