package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// command runs the program in this process and returns what it printed.
func command(t testing.TB, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(context.Background(), append([]string{"acmezone"}, args...), surroundings{nil, &out, &errs, nil})
	return out.String(), errs.String(), code
}

func TestRegisterUpdateAnswered(t *testing.T) {
	p := start(t, writeTestConfig(t, t.TempDir()))
	a, ok := p.register()
	if !ok {
		t.Fatal("not registered")
	}
	if answer := p.ask(a.FullDomain, dns.TypeTXT); answer.Rcode != dns.RcodeSuccess || len(answer.Answer) > 0 || len(answer.Ns) != 1 {
		t.Errorf("before the first value: %v", answer)
	}
	var want []string
	for range 8 { // two more than are kept
		want = append(want, newValue())
		if status := p.update(a, want[len(want)-1]); status != http.StatusOK {
			t.Fatal(status)
		}
		if got := p.texts(a.FullDomain); !slices.Contains(got, want[len(want)-1]) {
			t.Errorf("a value is not answered after its 200: %v", got)
		}
	}
	got := p.texts(a.FullDomain)
	slices.Sort(got)
	want = want[2:]
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%v, want the newest six %v", got, want)
	}
}

func TestEverythingIsThereAfterARestart(t *testing.T) {
	config := writeTestConfig(t, t.TempDir())
	p := start(t, config)
	a, _ := p.register()
	txt := newValue()
	if p.update(a, txt) != http.StatusOK {
		t.Fatal("no update")
	}
	serial := p.serial()
	if err := p.stop(); err != nil {
		t.Fatalf("%v\n%s", err, p.log)
	}
	p = start(t, config)
	if got := p.texts(a.FullDomain); !slices.Equal(got, []string{txt}) || p.serial() != serial {
		t.Errorf("%v, serial %d, was %d", got, p.serial(), serial)
	}
	if p.update(a, newValue()) != http.StatusOK {
		t.Error("the account is gone")
	}
}

// TestStopFinishesWhatWasAccepted asks for a stop while updates are under way: each
// is either answered with 200, and then is there after a restart, or was never
// taken.
func TestStopFinishesWhatWasAccepted(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			config := writeTestConfig(t, t.TempDir())
			p := start(t, config)
			known := &journal{last: make(map[string]string)}
			stop := make(chan struct{})
			var clients sync.WaitGroup
			for range 4 {
				clients.Go(func() { updateUntil(p, known, stop) })
			}
			eventually(t, "some updates are done", func() bool {
				known.mu.Lock()
				defer known.mu.Unlock()
				return known.acked > 50
			})
			if err := p.cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if err := p.wait(); err != nil {
				t.Errorf("%v\n%s", err, p.log)
			}
			close(stop)
			clients.Wait()
			if log := p.log.String(); !strings.Contains(log, `"msg":"stopped"`) || strings.Contains(log, `"level":"ERROR"`) {
				t.Error(log)
			}
			checkAcknowledged(t, start(t, config), known)
		})
	}
}

func TestTokensThroughTheRunningService(t *testing.T) {
	dir := t.TempDir()
	config := writeTestConfig(t, dir)
	p := start(t, config)
	// The database is locked by the service, so this can only go through its socket.
	out, errs, code := command(t, "token", "create", "--config", config, "--json", "--uses", "1")
	if code != exitDone {
		t.Fatal(errs)
	}
	var token struct{ ID, Token string }
	if err := json.Unmarshal([]byte(out), &token); err != nil {
		t.Fatal(err)
	}
	if out, _, _ := command(t, "token", "list", "--config", config); !strings.Contains(out, token.ID) || strings.Contains(out, token.Token) {
		t.Error(out)
	}
	if _, errs, code := command(t, "token", "revoke", token.ID, "--config", config); code != exitDone {
		t.Error(errs)
	}
	if _, errs, code := command(t, "token", "revoke", token.ID, "--config", config); code != exitFailed || !strings.Contains(errs, token.ID) {
		t.Errorf("%d %s", code, errs)
	}
	if strings.Contains(p.log.String(), token.Token) {
		t.Error("the token is in the log")
	}
}

func TestZoneThroughTheRunningServiceAndWithout(t *testing.T) {
	config := writeTestConfig(t, t.TempDir())
	p := start(t, config)
	a, _ := p.register()
	p.update(a, newValue())
	running, errs, code := command(t, "zone", "--config", config)
	if code != exitDone || !strings.Contains(running, a.Subdomain+" 1 IN TXT ") {
		t.Fatalf("%s%s", running, errs)
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	if stopped, errs, _ := command(t, "zone", "--config", config); stopped != running {
		t.Errorf("%s%s\n  while it ran:\n%s", stopped, errs, running)
	}
}

// TestSecondServiceIsRefused starts another one on the same configuration.
func TestSecondServiceIsRefused(t *testing.T) {
	dir := t.TempDir()
	config := writeTestConfig(t, dir)
	p := start(t, config)
	second, err := launch(t, config)
	if err == nil {
		t.Fatal("two services on one database")
	}
	if said := second.log.String(); !strings.Contains(said, fmt.Sprintf("in use by another acmezone (process %d)", p.cmd.Process.Pid)) {
		t.Error(said)
	}
	if _, ok := p.register(); !ok {
		t.Error("the first one suffers from it")
	}
}

func TestTakenPorts(t *testing.T) {
	for _, section := range []string{"api", "dns"} {
		t.Run(section, func(t *testing.T) {
			taken, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer taken.Close()
			dir := t.TempDir()
			config := writeTestConfig(t, dir)
			text, _ := os.ReadFile(config)
			before, after, _ := strings.Cut(string(text), "["+section+"]")
			changed := before + "[" + section + "]" + strings.Replace(after, "127.0.0.1:0", taken.Addr().String(), 1)
			if err := os.WriteFile(config, []byte(changed), 0o600); err != nil {
				t.Fatal(err)
			}
			p, err := launch(t, config)
			if err == nil {
				t.Fatal("it runs on a port that is taken")
			}
			said := p.log.String()
			if !strings.Contains(said, taken.Addr().String()) || !strings.Contains(said, "another program has it") || strings.Count(said, "\n") != 1 {
				t.Error(said)
			}
			if code := p.cmd.ProcessState.ExitCode(); code != exitFailed {
				t.Errorf("exit code %d", code)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "a*.*")); len(left) != 1 {
				t.Errorf("something half-started is left: %v", left)
			}
		})
	}
}

// TestDatabaseTakenAwayStopsTheService: to go on would acknowledge what is gone
// after a restart.
func TestDatabaseTakenAwayStopsTheService(t *testing.T) {
	dir := t.TempDir()
	p := start(t, writeTestConfig(t, dir))
	a, _ := p.register()
	if err := os.Remove(filepath.Join(dir, "acmezone.db")); err != nil {
		t.Fatal(err)
	}
	if status := p.update(a, newValue()); status == http.StatusOK {
		t.Error("200 for an update to a deleted file")
	}
	_ = p.wait()
	if code := p.cmd.ProcessState.ExitCode(); code != exitFailed || !strings.Contains(p.log.String(), "removed or replaced") {
		t.Errorf("exit code %d\n%s", code, p.log)
	}
}

// TestFullDisk fills a real file system, a small one that only the service sees,
// and frees it again.
func TestFullDisk(t *testing.T) {
	disk := t.TempDir()
	p := start(t, writeTestConfig(t, disk+"/etc"), smallDisk(t, disk)...)
	inside := fmt.Sprintf("/proc/%d/root%s", p.cmd.Process.Pid, disk) // as the service sees it
	known := &journal{last: make(map[string]string)}
	work(p, known)
	ballast := filepath.Join(inside, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err == nil {
		t.Fatal("the disk isn't full")
	}
	eventually(t, "a full disk is said", func() bool {
		work(p, known)
		status, body := p.health()
		return status == http.StatusServiceUnavailable && strings.Contains(body, "the disk is full")
	})
	if len(p.texts(known.accounts[0].FullDomain)) == 0 {
		t.Error("DNS no longer answers")
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	eventually(t, "healthy again, without a request", func() bool { status, _ := p.health(); return status == http.StatusOK })
	t.Logf("healthy %v after the disk had room", time.Since(began).Round(time.Millisecond))
	if !work(p, known) {
		t.Error("no update though there is room")
	}
	// The disk goes with the service, so what is on it is looked at elsewhere.
	saved := t.TempDir()
	copyDatabase(t, filepath.Join(inside, "etc"), saved)
	p.kill()
	checkAcknowledged(t, start(t, writeTestConfig(t, saved)), known)
}

// smallDisk returns a wrapper that gives a program a file system of a megabyte at
// that folder, what is in its folder "etc" included.
func smallDisk(t *testing.T, dir string) []string {
	return append(ownMounts(t), "sh", "-c", `
		config=$(cat "$0/etc/acmezone.toml") &&
		mount -t tmpfs -o size=1m,mode=0700 tmpfs "$0" && mkdir -m 700 "$0/etc" &&
		printf '%s' "$config" >"$0/etc/acmezone.toml" && exec "$@"`, dir)
}

// ownMounts returns a wrapper in which a program mounts what nobody else sees. It needs
// no root where the kernel lets users have namespaces of their own.
func ownMounts(t *testing.T) []string {
	wrapper := []string{needProgram(t, "unshare", "util-linux"), "--mount"}
	if os.Geteuid() != 0 {
		wrapper = append(wrapper, "--user", "--map-root-user")
	}
	return wrapper
}
