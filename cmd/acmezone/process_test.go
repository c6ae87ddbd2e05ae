package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/logtest"
)

// process is the program running as a process of its own.
type process struct {
	t     testing.TB
	cmd   *exec.Cmd
	api   string // host:port
	dns   string
	admin string // of metrics and probes; "" where there are none
	log   *logtest.Buffer
	done  chan error

	wrapped bool // the program is the child of cmd
}

// writeTestConfig writes a configuration for a service in that folder, with ports
// that the system picks, and returns its path.
func writeTestConfig(t testing.TB, dir string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "acmezone.toml")
	text := fmt.Sprintf(`
[zone]
name = "auth.test"
records = ["@ A 127.0.0.1"]
[store]
path = %q
[api]
listen = ["127.0.0.1:0"]
tls = "off"
register_from = ["127.0.0.0/8"]
[limits]
exempt = ["127.0.0.0/8"]
[admin]
socket = %q
[dns]
listen = ["127.0.0.1:0"]
[publish]
timeout = "5s"
[log]
format = "json"
`, filepath.Join(dir, "acmezone.db"), filepath.Join(dir, "admin.sock"))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// startTime bounds how long a start may take on a busy machine, under strace.
const startTime = 60 * time.Second

// launch starts the program, behind another one such as strace if wrapper names
// one, and waits until it says ready or has ended.
func launch(t testing.TB, config string, wrapper ...string) (*process, error) {
	t.Helper()
	return launchWith(t, config, func(*exec.Cmd) {}, wrapper...)
}

// launchWith is launch for a process that is given more, such as open files.
func launchWith(t testing.TB, config string, prepare func(*exec.Cmd), wrapper ...string) (*process, error) {
	t.Helper()
	args := append(append([]string(nil), wrapper...), os.Args[0], "serve", "--config", config)
	p := &process{t: t, cmd: exec.Command(args[0], args[1:]...), log: &logtest.Buffer{}, done: make(chan error, 1), wrapped: len(wrapper) > 0}
	p.cmd.Env = append(os.Environ(), beAcmezone+"=1")
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that strace's child ends with it
	prepare(p.cmd)
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan error, 1)
	go p.read(stderr, ready)
	t.Cleanup(func() { p.kill() })
	select {
	case err := <-ready:
		return p, err
	case <-time.After(startTime):
		return p, fmt.Errorf("not ready after %v", startTime)
	}
}

// start is launch for a program that must come up.
func start(t testing.TB, config string, wrapper ...string) *process {
	t.Helper()
	p, err := launch(t, config, wrapper...)
	if err != nil {
		t.Fatalf("%v; it said:\n%s", err, p.log)
	}
	return p
}

// read passes the log on and finds the addresses in the line that says ready.
func (p *process) read(stderr io.Reader, ready chan<- error) {
	lines := bufio.NewScanner(io.TeeReader(stderr, p.log))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct {
			Msg      string
			API, DNS []string
			Admin    string
		}
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "ready" {
			p.api, p.admin = line.API[0], line.Admin
			if len(line.DNS) > 0 {
				p.dns = line.DNS[0]
			}
			ready <- nil
		}
	}
	err := p.cmd.Wait()
	p.done <- err
	select {
	case ready <- fmt.Errorf("it ended: %v", err):
	default:
	}
}

// kill ends it at once, as a power cut would, and waits for its end.
func (p *process) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // it may have ended before
	p.wait()
}

func (p *process) wait() error {
	err := <-p.done
	p.done <- err // for whoever asks again
	return err
}

// stop asks for a graceful end and waits for it.
func (p *process) stop() error {
	if err := syscall.Kill(p.pid(), syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-p.done:
		p.done <- err
		return err
	case <-time.After(stopTime):
		return fmt.Errorf("still running %v after SIGTERM", stopTime)
	}
}

// stopTime is longer than any request may take.
const stopTime = 30 * time.Second

// pid returns the program's own process id, also behind a wrapper.
func (p *process) pid() int {
	pid := p.cmd.Process.Pid
	if !p.wrapped {
		return pid
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", pid))
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := fmt.Sscan(string(children), &pid); err != nil {
		p.t.Fatalf("no child of %s: %v", p.cmd.Path, err)
	}
	return pid
}

type registered struct{ Username, Password, FullDomain, Subdomain string }

var httpClient = &http.Client{Timeout: 20 * time.Second}

// post returns the status and body, or an error where there was no answer.
func (p *process) post(path, body string, headers ...string) (int, string, error) {
	request, err := http.NewRequest(http.MethodPost, "http://"+p.api+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := httpClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, string(content), err
}

// register returns an account only if the service has acknowledged it.
func (p *process) register() (a registered, ok bool) {
	status, body, err := p.post("/register", "")
	if err != nil || status != http.StatusCreated {
		return a, false
	}
	return a, json.Unmarshal([]byte(body), &a) == nil
}

// update returns the status, 0 for no answer.
func (p *process) update(a registered, txt string) int {
	body := fmt.Sprintf(`{"subdomain": %q, "txt": %q}`, a.Subdomain, txt)
	status, _, err := p.post("/update", body, "X-Api-User", a.Username, "X-Api-Key", a.Password)
	if err != nil {
		return 0
	}
	return status
}

func (p *process) health() (int, string) {
	response, err := httpClient.Get("http://" + p.api + "/health")
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(body)
}

// ask returns the answer to a DNS question over TCP.
func (p *process) ask(name string, qtype uint16) *dns.Msg {
	p.t.Helper()
	client := dns.Client{Net: "tcp", Timeout: 10 * time.Second}
	answer, _, err := client.Exchange(new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype), p.dns)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer
}

// texts returns the TXT values of a name.
func (p *process) texts(name string) []string {
	p.t.Helper()
	var all []string
	for _, rr := range p.ask(name, dns.TypeTXT).Answer {
		all = append(all, strings.Join(rr.(*dns.TXT).Txt, ""))
	}
	return all
}

func (p *process) serial() uint32 {
	p.t.Helper()
	return p.ask("auth.test", dns.TypeSOA).Answer[0].(*dns.SOA).Serial
}

// eventually polls until the condition holds.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("after 20 s still not: %s", what)
		}
		<-time.After(10 * time.Millisecond)
	}
}
