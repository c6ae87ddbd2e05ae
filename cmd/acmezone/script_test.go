package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/acmezone/acmezone/internal/client"
	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
)

// TestScripts runs the command line as a person types it.
func TestScripts(t *testing.T) {
	needProgram(t, "sqlite3", "sqlite3")
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"failed": exits(exitFailed),
			"usage":  exits(exitUsage),
			"nsd":    startsNSD(t),
			"answer": answersCNAME,
			"ready":  untilReady,
		},
	})
}

// untilReady waits for the service that a script has started in the background, by its
// admin socket. The script's end ends the service.
func untilReady(ts *testscript.TestScript, _ bool, args []string) {
	deadline := time.Now().Add(startTime)
	for {
		service, err := client.Dial(context.Background(), ts.MkAbs(args[0]), 0)
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

// startsNSD makes a command that starts an NSD with the zones ZONE=FILE; its address is
// then $NSD, its folder $ZONES, and acmezone.toml, beside the script, has its
// configuration in the place of NSDCONF. Files keep their names.
func startsNSD(t *testing.T) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		var o nsdtest.Options
		for _, arg := range args {
			name, file, _ := strings.Cut(arg, "=")
			o.Zones = append(o.Zones, nsdtest.Zone{Name: name, File: file, Text: ts.ReadFile(file)})
		}
		server := nsdtest.Start(t, o)
		ts.Setenv("NSD", server.Addr.String())
		ts.Setenv("ZONES", server.Dir)
		config := ts.MkAbs("acmezone.toml")
		text := strings.NewReplacer("NSDCONF", server.Config, "ZONES", server.Dir).Replace(ts.ReadFile(config))
		ts.Check(os.WriteFile(config, []byte(text), 0o600))
	}
}

// answersCNAME asks $NSD for a name's CNAME, which must be there, or with ! must not.
func answersCNAME(ts *testscript.TestScript, neg bool, args []string) {
	client := dns.Client{Net: "tcp"}
	answer, _, err := client.Exchange(new(dns.Msg).SetQuestion(dns.Fqdn(args[0]), dns.TypeCNAME), ts.Getenv("NSD"))
	ts.Check(err)
	if found := len(answer.Answer) > 0; found == neg {
		ts.Fatalf("%s: %v", args[0], answer.Answer)
	}
}
