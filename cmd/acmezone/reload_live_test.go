package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// taking returns what takes one value up after the other.
func (p *process) taking(config string) func(from, to string) {
	return func(from, to string) {
		p.t.Helper()
		p.awaitLine(inForceNow, func() { rewrite(p.t, config, from, to) })
	}
}

// TestReloadBoundsConnections: with lower bounds the surplus goes, the longest idle first.
func TestReloadBoundsConnections(t *testing.T) {
	t.Parallel()
	config := writeTestConfig(t, t.TempDir())
	p := start(t, config)
	take := p.taking(config)
	for section, addr := range map[string]string{"limits": p.api, "dns": p.dns} {
		opened := time.Now()
		conns := idleConnections(t, addr, 5)
		take("["+section+"]", "["+section+"]\nconnections_per_address = 3\n")
		for i, conn := range conns {
			if gone := closedSoon(t, conn, i < 2); gone != (i < 2) && time.Since(opened) < untilIdle {
				t.Errorf("%s: connection %d of 5, with 3 allowed, is closed: %t", section, i, gone)
			}
		}
		take("connections_per_address = 3\n", "connections = 1\n")
		for i, conn := range conns[2:] {
			if gone := closedSoon(t, conn, i < 2); gone != (i < 2) && time.Since(opened) < untilIdle {
				t.Errorf("%s: connection %d of 3, with 1 allowed, is closed: %t", section, i, gone)
			}
		}
		take("connections = 1\n", "connections = 100\n")
		if closedSoon(t, idleConnections(t, addr, 30)[0], false) {
			t.Errorf("%s: the first of 30 connections is closed, with 100 allowed", section)
		}
	}
	mustUpdateDNS(t, p)
}

// untilIdle is less than the service gives a connection on which nothing comes: on a
// machine that is so slow it closes them all.
const untilIdle = 9 * time.Second

// idleConnections are opened one after the other, and let in, in that order.
func idleConnections(t *testing.T, addr string, n int) (conns []net.Conn) {
	t.Helper()
	for range n {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conns = append(conns, conn)
	}
	return conns
}

// closedSoon reports whether a connection is closed, and waits for it where it should be.
func closedSoon(t *testing.T, conn net.Conn, wanted bool) bool {
	t.Helper()
	wait := 50 * time.Millisecond
	if wanted {
		wait = enough
	}
	if err := conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
		t.Fatal(err)
	}
	_, err := conn.Read(make([]byte, 1))
	return err == io.EOF
}

// TestReloadLimitsAnswers over UDP by another rate, with other exceptions, at once.
func TestReloadLimitsAnswers(t *testing.T) {
	t.Parallel()
	config := writeTestConfig(t, t.TempDir())
	p := start(t, config)
	take := p.taking(config)
	cut := func() (n int) {
		for range 50 {
			client := dns.Client{Timeout: enough}
			answer, _, err := client.Exchange(new(dns.Msg).SetQuestion("auth.test.", dns.TypeSOA), p.dns)
			if err != nil {
				t.Fatal(err)
			}
			if answer.Truncated {
				n++
			}
		}
		return n
	}
	take("[publish]", "rate_limit = 1\nrate_limit_slip = 1\n[publish]")
	if n := cut(); n > 0 {
		t.Errorf("%d of 50 were cut short for one who is exempt", n)
	}
	take("[publish]", "rate_limit_exempt = []\n[publish]")
	if n := cut(); n < 25 { // fewer than 49 where the machine is slow
		t.Errorf("%d of 50 were cut short with one a second", n)
	}
	take("rate_limit = 1\n", "rate_limit = 0\n")
	if n := cut(); n > 0 {
		t.Errorf("%d of 50 were cut short without a limit", n)
	}
}

// TestReloadMovesTheAuditLog: from no file to one, to another, and to none.
func TestReloadMovesTheAuditLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := writeTestConfig(t, dir)
	p := start(t, config)
	take := p.taking(config)
	one, two := filepath.Join(dir, "one.log"), filepath.Join(dir, "two.log")
	name := func(path string) string { return fmt.Sprintf("audit = %q\n", path) }
	lines := func(path string, want int) {
		t.Helper()
		if got := len(entries(t, path)); got != want {
			t.Errorf("%d lines in %s, want %d", got, path, want)
		}
	}
	p.register()
	take("[log]\n", "[log]\n"+name(one))
	p.register()
	lines(one, 1)
	nowhere := filepath.Join(dir, "none", "audit.log")
	refused := p.awaitLine(notTakenUp, func() { rewrite(t, config, name(one), name(nowhere)) })
	if text := fmt.Sprint(refused["err"]); !strings.Contains(text, "log.audit") || !strings.Contains(text, "make its folder") {
		t.Error(text)
	}
	p.register()
	lines(one, 2)
	take(name(nowhere), name(two))
	p.register()
	if _, errs, code := command(t, "token", "create", "--config", config); code != exitDone {
		t.Error(errs)
	}
	take(name(two), "")
	p.register()
	lines(one, 2)
	lines(two, 2)
	if open := p.openFiles(); strings.Contains(open, one) || strings.Contains(open, two) {
		t.Error(open)
	}
}

// openFiles names the files that a process has open.
func (p *process) openFiles() string {
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.pid()))
	if err != nil {
		p.t.Fatal(err)
	}
	var names []string
	for _, link := range links {
		if name, err := os.Readlink(link); err == nil {
			names = append(names, name)
		}
	}
	return strings.Join(names, "\n")
}

const putOffNow = "the configuration can't be taken up yet: it is tried again until it can be, and the one from before stays until then, all of it"

// TestReloadWaitsForRoom: other records can't be taken up while the disk is full. They are
// as soon as it isn't, and nobody has to ask again.
func TestReloadWaitsForRoom(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	text := readText(t, writeTestConfig(t, disk+"/etc"))
	config := filepath.Join(t.TempDir(), "acmezone.toml") // where there is room
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, config, smallDisk(t, disk)...)
	p.wrapped = false // unshare has become the program
	free := p.fillDisk(disk)

	line := p.awaitLine(putOffNow, func() { rewrite(t, config, "@ A 127.0.0.1", "@ A 127.0.0.2") })
	if text := fmt.Sprint(line["err"]); !strings.Contains(text, "the disk is full") {
		t.Error(text)
	}
	if status, body := p.health(); status != http.StatusServiceUnavailable || !strings.Contains(body, "can't be taken up yet") {
		t.Errorf("%d %s", status, body)
	}
	p.awaitLine(putOffNow, p.hangup) // a later one takes its place
	p.awaitLine(putOffNow, func() { rewrite(t, config, "@ A 127.0.0.2", "@ A 127.0.0.3") })
	p.taking(config)("@ A 127.0.0.3\"]", "@ A 127.0.0.1\"]\nmax_values = 3") // which stores nothing
	p.awaitLine(putOffNow, func() { rewrite(t, config, "@ A 127.0.0.1", "@ A 127.0.0.4") })
	if got := p.ask("auth.test", dns.TypeA).Answer; len(got) != 1 || !strings.HasSuffix(got[0].String(), "127.0.0.1") {
		t.Errorf("while it waits: %v", got)
	}

	serial := p.serial()
	began := time.Now()
	p.awaitLine(inForceNow, free)
	t.Logf("in force %v after the disk had room", time.Since(began).Round(time.Millisecond))
	eventually(t, "the last record", func() bool {
		got := p.ask("auth.test", dns.TypeA).Answer
		return len(got) == 1 && strings.HasSuffix(got[0].String(), "127.0.0.4")
	})
	if p.serial() == serial {
		t.Error("other records at the same serial")
	}
	eventually(t, "all is well", func() bool { status, body := p.health(); return status == http.StatusOK && body == "" })
}

// fillDisk leaves no room in a small disk, and returns what gives it back.
func (p *process) fillDisk(disk string) (free func()) {
	p.t.Helper()
	ballast := filepath.Join(fmt.Sprintf("/proc/%d/root%s", p.pid(), disk), "ballast") // as the service sees it
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err == nil {
		p.t.Fatal("the disk isn't full")
	}
	known := &journal{last: make(map[string]string)}
	eventually(p.t, "a full disk is said", func() bool {
		work(p, known)
		status, body := p.health()
		return status == http.StatusServiceUnavailable && strings.Contains(body, "the disk is full")
	})
	return func() {
		if err := os.Remove(ballast); err != nil {
			p.t.Fatal(err)
		}
	}
}
