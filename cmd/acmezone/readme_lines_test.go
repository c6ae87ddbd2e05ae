package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
)

// readmeLine is a command line of the README, as it is typed.
type readmeLine struct {
	exports []string // the export lines above it, in its code block
	text    string
}

// readmeLines returns what a reader types of the program's: the lines of shell blocks
// that begin with its name, in their order.
func readmeLines(t *testing.T) (lines []readmeLine) {
	t.Helper()
	prompt := regexp.MustCompile(`^(?:\$ )?(acmezone .*)$`)
	for _, block := range regexp.MustCompile("(?s)```(?:sh|console)\n(.*?)```").FindAllStringSubmatch(readme(t), -1) {
		var exports []string
		for line := range strings.SplitSeq(block[1], "\n") {
			if strings.HasPrefix(line, "export ACMEZONE_") {
				exports = append(exports, line)
			} else if found := prompt.FindStringSubmatch(line); found != nil {
				lines = append(lines, readmeLine{exports, found[1]})
			}
		}
	}
	return lines
}

// readmeWorld is a machine as the README has it: the service of auth.example.org, and an
// NSD with the hand-written zones example.org and example.net.
type readmeWorld struct {
	t       *testing.T
	nsd     *nsdtest.Server
	service *process
	root    string // stands for /
	home    string // where the lines are typed
	config  string
	token   string // of the first 'token create'
	tokenID string
}

const readmeZone = `$TTL 1d
@	IN	SOA	ns1 hostmaster 2026010100 3h 15m 4w 1d
	IN	NS	ns1
ns1	IN	A	127.0.0.1
`

func newReadmeWorld(t *testing.T) *readmeWorld {
	t.Helper()
	w := &readmeWorld{t: t, nsd: nsdtest.Start(t, nsdtest.Options{Zones: []nsdtest.Zone{
		{Name: "example.org", File: "example.org.zone", Text: readmeZone},
		{Name: "example.net", File: "example.net.zone", Text: readmeZone},
	}})}
	w.root, w.home = filepath.Join(w.nsd.Dir, "root"), filepath.Join(w.nsd.Dir, "home")
	w.config = filepath.Join(w.root, "etc/acmezone/acmezone.toml")
	for path, text := range map[string]string{
		w.config:                             w.configuration(),
		filepath.Join(w.home, "domains.txt"): "example.com\n*.example.com\nsub.example.com\n",
		filepath.Join(w.root, "var/lib/acmezone/unused"):          "",
		filepath.Join(w.root, "var/lib/acmezone-snippets/unused"): "",
	} {
		w.write(path, text)
	}
	w.acmeDNS()
	bin := filepath.Join(w.home, "bin")
	w.write(filepath.Join(bin, "unused"), "")
	if err := os.Symlink(os.Args[0], filepath.Join(bin, "acmezone")); err != nil {
		t.Fatal(err)
	}
	w.service = start(t, w.config)
	return w
}

func (w *readmeWorld) configuration() string {
	state := filepath.Join(w.root, "var/lib")
	return fmt.Sprintf(`
[zone]
name = "auth.example.org"
nameservers = ["ns1.example.org", "ns2.example.net"]
records = ["@ A 127.0.0.1"]
[store]
path = %q
[api]
listen = ["127.0.0.1:0"]
tls = "off"
register_from = ["127.0.0.0/8"]
[admin]
socket = %q
[dns]
listen = ["127.0.0.1:0"]
[nsd]
use = "attach"
config = %q
attach_zones = ["example.org", "example.net"]
snippet_dir = %q
attach_socket = %q
[log]
format = "json"
`, filepath.Join(state, "acmezone/acmezone.db"), filepath.Join(w.nsd.Dir, "admin.sock"), w.nsd.Config,
		filepath.Join(state, "acmezone-snippets"), filepath.Join(w.nsd.Dir, "attach.sock"))
}

// acmeDNS puts an acme-dns beside it, as it is in the script of import.
func (w *readmeWorld) acmeDNS() {
	w.t.Helper()
	script, err := txtar.ParseFile("testdata/script/import.txtar")
	if err != nil {
		w.t.Fatal(err)
	}
	database := filepath.Join(w.root, "var/lib/acme-dns.db")
	for _, file := range script.Files {
		switch file.Name {
		case "config.cfg":
			text := strings.ReplaceAll(string(file.Data), `"acme-dns.db"`, strconv.Quote(database))
			w.write(filepath.Join(w.root, "etc/acme-dns/config.cfg"), text)
		case "layout.sql":
			sqlite := exec.Command(nsdtest.Program(w.t, "sqlite3", "sqlite3"), database)
			sqlite.Stdin = bytes.NewReader(file.Data)
			if out, err := sqlite.CombinedOutput(); err != nil {
				w.t.Fatalf("%v: %s", err, out)
			}
		}
	}
}

func (w *readmeWorld) write(path, text string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// here puts this world's paths, addresses and secrets in the place of the README's, and
// makes the folders that a line writes to.
func (w *readmeWorld) here(text string) string {
	path := regexp.MustCompile(`(^|[\s=])(/(?:etc|usr|var)/[^\s'"]+)`)
	for _, found := range path.FindAllStringSubmatch(text, -1) {
		if err := os.MkdirAll(filepath.Dir(w.root+found[2]), 0o755); err != nil {
			w.t.Fatal(err)
		}
	}
	return strings.NewReplacer(
		"https://auth.example.org", "http://"+w.service.api, "acmezone_w4Wq…", w.token, "k3jq7x2a", w.tokenID,
	).Replace(path.ReplaceAllString(text, "${1}"+w.root+"${2}"))
}

// run has a shell run a line, and returns its exit code and what it printed.
func (w *readmeWorld) run(line readmeLine) (code int, stdout, stderr string) {
	w.t.Helper()
	script := w.here(strings.Join(append(line.exports, line.text), "\n"))
	if strings.Contains(script, "…") {
		w.t.Errorf("%s: there is a placeholder in it that the test knows nothing of: add what it stands for to readmeWorld.here", line.text)
		return exitUsage, "", ""
	}
	shell := exec.CommandContext(w.t.Context(), "sh", "-c", script)
	shell.Dir = w.home
	shell.Env = append(os.Environ(), beAcmezone+"=1", "ACMEZONE_CONFIG="+w.config, "PATH="+filepath.Join(w.home, "bin")+":"+os.Getenv("PATH"))
	var out, errs bytes.Buffer
	shell.Stdout, shell.Stderr = &out, &errs
	if err := shell.Run(); err != nil && shell.ProcessState == nil {
		w.t.Fatal(err)
	}
	return shell.ProcessState.ExitCode(), out.String(), errs.String()
}

// before makes what a line needs that the reader has by then.
func (w *readmeWorld) before(line *readmeLine) {
	w.t.Helper()
	switch words := strings.Fields(line.text); words[1] {
	case "check": // no resolver of the internet is asked
		line.text += " --timeout 5s --resolver " + w.nsd.Addr.String()
	case "restore":
		if err := w.service.stop(); err != nil {
			w.t.Fatal(err)
		}
	}
}

// after learns from what a line printed.
func (w *readmeWorld) after(line readmeLine, stdout, stderr string) {
	id := regexp.MustCompile(`Token (\w+) \(`).FindStringSubmatch(stderr)
	if id != nil && w.token == "" && strings.HasPrefix(line.text, "acmezone token create") {
		w.token, w.tokenID = strings.TrimSpace(stdout), id[1]
	}
}

// TestReadmeLines types every line of the README that begins with the program's name.
func TestReadmeLines(t *testing.T) {
	lines := readmeLines(t)
	if len(lines) < 30 {
		t.Errorf("%d lines found in the README", len(lines))
	}
	w := newReadmeWorld(t)
	for _, line := range lines {
		typed := line.text
		w.before(&line)
		code, stdout, stderr := w.run(line)
		w.after(line, stdout, stderr)
		if code == exitFailed && strings.HasPrefix(typed, "acmezone check") && strings.Contains(stderr, "found; what to do is said with") && stdout != "" {
			continue // this world has no zone above example.org
		}
		if code != exitDone {
			t.Errorf("%s: exit code %d: %sIf the line is right, give it what it needs: readmeWorld.before makes it, readmeWorld.here knows paths and placeholders", typed, code, stderr)
		}
	}
}
