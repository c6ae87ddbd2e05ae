package main

import (
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
)

// process is the program running as a process of its own.
type process struct {
	t     testing.TB
	cmd   *exec.Cmd
	api   string // host:port
	dns   string
	admin string // of metrics and probes; "" where there are none
	log   logFile
	ended chan struct{} // closed when it has ended, after err is set
	err   error

	wrapped bool // the program is the child of cmd
}

// logFile is the path of a file that a process logs to. What the process has written is
// there at once: no goroutine has to have its turn before a test can read it.
type logFile string

func (f logFile) String() string {
	text, err := os.ReadFile(string(f))
	if err != nil {
		return err.Error()
	}
	return string(text)
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
timeout = "1m"
[log]
format = "json"
`, filepath.Join(dir, "acmezone.db"), filepath.Join(dir, "admin.sock"))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// enough is how long anything may take on a busy machine.
const enough = time.Minute

// startTime bounds how long a start may take there, under strace.
const startTime = 2 * enough

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
	p := &process{t: t, cmd: exec.Command(args[0], args[1:]...), ended: make(chan struct{}), wrapped: len(wrapper) > 0}
	p.cmd.Env = append(os.Environ(), beAcmezone+"=1")
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that strace's child ends with it
	prepare(p.cmd)
	log, err := os.CreateTemp(t.TempDir(), "log")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p.log, p.cmd.Stderr = logFile(log.Name()), log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(p.kill)
	return p, p.awaitReady()
}

// awaitReady waits for the line that says ready, or for the end.
func (p *process) awaitReady() error {
	deadline, again := time.After(startTime), time.NewTicker(5*time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-p.ended:
			if p.ready() { // and has ended since
				return nil
			}
			return fmt.Errorf("it ended: %v", p.err)
		case <-deadline:
			return fmt.Errorf("not ready after %v", startTime)
		case <-again.C:
			if p.ready() {
				return nil
			}
		}
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

// ready looks for the line that says ready, and takes the addresses from it.
func (p *process) ready() bool {
	for text := range strings.Lines(p.log.String()) {
		var line struct {
			Msg      string
			API, DNS []string
			Admin    string
		}
		if json.Unmarshal([]byte(text), &line) != nil || line.Msg != "ready" {
			continue
		}
		p.api, p.admin = line.API[0], line.Admin
		if len(line.DNS) > 0 {
			p.dns = line.DNS[0]
		}
		return true
	}
	return false
}

// kill ends it at once, as a power cut would, and waits for its end.
func (p *process) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // it may have ended before
	p.wait()
}

func (p *process) wait() error {
	<-p.ended
	return p.err
}

// stop asks for a graceful end and waits for it.
func (p *process) stop() error {
	if err := syscall.Kill(p.pid(), syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.ended:
		return p.err
	case <-time.After(stopTime):
		return fmt.Errorf("still running %v after SIGTERM", stopTime)
	}
}

// stopTime is longer than any request may take.
const stopTime = 2 * enough

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

var httpClient = &http.Client{Timeout: 2 * enough}

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
	answer, err := p.tryAsk(name, qtype)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer
}

func (p *process) tryAsk(name string, qtype uint16) (*dns.Msg, error) {
	client := dns.Client{Net: "tcp", Timeout: enough}
	answer, _, err := client.Exchange(new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype), p.dns)
	return answer, err
}

// askInReload asks an NSD that may be at a reload: an old process that ends just then
// resets the connection, and who asks has to ask again.
func (p *process) askInReload(name string, qtype uint16) (answer *dns.Msg) {
	p.t.Helper()
	eventually(p.t, "NSD answers", func() bool {
		var err error
		answer, err = p.tryAsk(name, qtype)
		return err == nil
	})
	return answer
}

// texts returns the TXT values of a name.
func (p *process) texts(name string) []string {
	p.t.Helper()
	return textsIn(p.ask(name, dns.TypeTXT))
}

func textsIn(answer *dns.Msg) (all []string) {
	for _, rr := range answer.Answer {
		all = append(all, strings.Join(rr.(*dns.TXT).Txt, ""))
	}
	return all
}

func (p *process) serial() uint32 {
	p.t.Helper()
	return serialIn(p.ask("auth.test", dns.TypeSOA))
}

func serialIn(answer *dns.Msg) uint32 { return answer.Answer[0].(*dns.SOA).Serial }

// eventually polls until the condition holds.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(enough)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("after %v still not: %s", enough, what)
		}
		<-time.After(10 * time.Millisecond)
	}
}
