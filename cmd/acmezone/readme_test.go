package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/cert"
	"github.com/acmezone/acmezone/internal/logtest"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestReadmeConfigurations checks every configuration in the README as 'config
// check' does; one that shows a section only is laid over a whole one.
func TestReadmeConfigurations(t *testing.T) {
	var found int
	pair := filepath.Join(t.TempDir(), "pair.pem") // certificate and key in one file
	if _, err := cert.SelfSigned(pair, []string{"auth.example.org"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	text := readme(t)
	for _, block := range regexp.MustCompile("(?s)(?:```toml\n|<<'EOF'\n)(.*?)(?:```|EOF)").FindAllStringSubmatch(text, -1) {
		if !strings.Contains(block[1], "[api]") {
			continue
		}
		found++
		body := block[1]
		if !strings.Contains(body, "[zone]\n") {
			body += "[zone]\nname = \"auth.example.org\"\n"
		}
		if !strings.Contains(body, "[dns]\n") && !strings.Contains(body, "[nsd]\n") {
			body += "[dns]\n"
		}
		body = strings.NewReplacer(`"/etc/acmezone/fullchain.pem"`, strconv.Quote(pair), `"/etc/acmezone/privkey.pem"`, strconv.Quote(pair)).Replace(body)
		path := filepath.Join(t.TempDir(), "acmezone.toml")
		if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, errs, code := command(t, "config", "check", path); code != exitDone {
			t.Errorf("%s\n%s", errs, body)
		}
	}
	if found < 3 {
		t.Errorf("%d configurations found in the README", found)
	}
}

// TestReadmeNSDConfigurationIsTakenByNSD: with the clause that is appended to it.
func TestReadmeNSDConfigurationIsTakenByNSD(t *testing.T) {
	block := regexp.MustCompile("(?s)/acmezone.conf <<'EOF'\n(.*?)EOF").FindStringSubmatch(readme(t))
	if block == nil {
		t.Fatal("the README shows no configuration of NSD")
	}
	takenByNSD(t, block[1]+exampleStanza(t))
}

// TestReadmeCommands has every command, flag and file that the README names.
func TestReadmeCommands(t *testing.T) {
	text := readme(t)
	code := strings.Join(regexp.MustCompile("(?s)```.*?```").FindAllString(text, -1), "\n")
	for _, line := range regexp.MustCompile(`(?m)^(?:\$ )?(?:bin/)?acmezone ([a-z].*)$`).FindAllStringSubmatch(code, -1) {
		out, errs, code := command(t, append(commandWords(line[1]), "--help")...)
		if code != exitDone {
			t.Errorf("%s: %s", line[0], errs)
		}
		for _, flag := range regexp.MustCompile(`--[a-z-]+`).FindAllString(line[1], -1) {
			if !strings.Contains(out, flag+" ") {
				t.Errorf("%s: there is no %s", line[0], flag)
			}
		}
	}
	for _, target := range regexp.MustCompile(`(?m)^make ([a-z]+)`).FindAllStringSubmatch(code, -1) {
		makefile, err := os.ReadFile("../../Makefile")
		if err != nil || !regexp.MustCompile(`(?m)^`+target[1]+`:`).Match(makefile) {
			t.Errorf("make %s: no such target, %v", target[1], err)
		}
	}
	for _, link := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join("../..", link[1])); err != nil {
			t.Error(err)
		}
	}
}

// commandWords are the words of a command line up to its first flag, argument or
// redirection: "token create", "nsd-conf".
func commandWords(line string) []string {
	words := strings.Fields(line)
	for i, w := range words {
		if !regexp.MustCompile(`^[a-z-]+$`).MatchString(w) || w[0] == '-' || i == 2 {
			return words[:i]
		}
	}
	return words
}

// TestDevPrintsLinesThatWork starts serve --dev and pastes what it prints, word for
// word.
func TestDevPrintsLinesThatWork(t *testing.T) {
	needProgram(t, "curl", "curl")
	needProgram(t, "dig", "bind9-dnsutils")
	var out, errs logtest.Buffer
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	environ := []string{"ACMEZONE_API_LISTEN=127.0.0.1:0", "ACMEZONE_DNS_LISTEN=127.0.0.1:0"}
	go func() {
		ended <- run(ctx, []string{os.Args[0], "serve", "--dev"}, surroundings{nil, &out, &errs, environ})
	}()
	waitForStop := sync.OnceValue(func() int { stop(); return <-ended })
	defer waitForStop()
	eventually(t, "lines are printed", func() bool { return strings.Contains(out.String(), "zone --config") })

	for _, c := range []struct{ line, want string }{
		{"curl -X POST", `^{"username":".*"allowfrom":\[\]}$`},
		{"curl http", `^{"txt": "[A-Za-z0-9_-]{43}"}$`},
		{"dig ", `^"[A-Za-z0-9_-]{43}"\n$`},
		{"zone --config", `(?s)^; Zone auth\.test, .* IN TXT ".*; end of zone`},
	} {
		if got := paste(t, out.String(), c.line); !regexp.MustCompile(c.want).MatchString(got) {
			t.Errorf("%s: %q, want %s", c.line, got, c.want)
		}
	}
	dir := filepath.Dir(regexp.MustCompile(`--config (\S+)`).FindStringSubmatch(out.String())[1])
	if code := waitForStop(); code != exitDone {
		t.Errorf("exit code %d: %s", code, errs.String())
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is left behind: %v", dir, err)
	}
}

// paste runs the line that holds those words in a shell.
func paste(t *testing.T, printed, words string) string {
	t.Helper()
	for line := range strings.SplitSeq(printed, "\n") {
		if !strings.HasPrefix(line, "  ") || !strings.Contains(line, words) {
			continue
		}
		shell := exec.Command("sh", "-c", line)
		shell.Env = append(os.Environ(), beAcmezone+"=1")
		var stderr bytes.Buffer
		shell.Stderr = &stderr
		got, err := shell.Output()
		if err != nil {
			t.Errorf("%s: %v: %s", line, err, &stderr)
		}
		return string(got)
	}
	t.Errorf("no line with %q in:\n%s", words, printed)
	return ""
}

// TestDevTakesOtherPortsWhereItsOwnAreTaken: a newcomer's machine has something on
// every port.
func TestDevTakesOtherPortsWhereItsOwnAreTaken(t *testing.T) {
	first := startDev(t)
	second := startDev(t)
	if first == second {
		t.Errorf("both at %s", first)
	}
}

func startDev(t *testing.T) (api string) {
	t.Helper()
	var out, errs logtest.Buffer
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, []string{"acmezone", "serve", "--dev"}, surroundings{nil, &out, &errs, nil}) }()
	t.Cleanup(func() {
		stop()
		if code := <-ended; code != exitDone {
			t.Error(errs.String())
		}
	})
	address := regexp.MustCompile(`curl -X POST http://(\S+)/register`)
	eventually(t, "it runs", func() bool { return address.MatchString(out.String()) })
	return address.FindStringSubmatch(out.String())[1]
}

// TestExampleConfigurationIsRight runs 'config check' on what operators copy.
func TestExampleConfigurationIsRight(t *testing.T) {
	out, errs, code := command(t, "config", "check", "../../examples/acmezone.toml")
	if code != exitDone || errs != "" || !strings.Contains(out, "zone auth.example.org") {
		t.Errorf("%d %s%s", code, out, errs)
	}
}
