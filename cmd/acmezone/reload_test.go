package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/cert"
	"github.com/acmezone/acmezone/internal/zone"
)

// rewrite changes a configuration as editors do: beside it, and then in its place.
func rewrite(t testing.TB, path, from, to string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), from) {
		t.Fatalf("%q is not in %s (%v)", from, path, err)
	}
	next := filepath.Join(filepath.Dir(path), ".new")
	if err := os.WriteFile(next, []byte(strings.Replace(string(text), from, to, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
}

// logged returns the lines of a service's log with that message.
func (p *process) logged(msg string) (lines []map[string]any) {
	for line := range strings.SplitSeq(p.log.String(), "\n") {
		var fields map[string]any
		if json.Unmarshal([]byte(line), &fields) == nil && fields["msg"] == msg {
			lines = append(lines, fields)
		}
	}
	return lines
}

const (
	inForceNow    = "the configuration was read again, and is in force"
	notTakenUp    = "the configuration can't be taken up: the one from before stays, all of it"
	takesARestart = "these keys have changed and take effect when the service is restarted"
	nothingNew    = "the configuration was read again: nothing has changed"
)

// awaitLine waits for one more line of that message after do, and returns it.
func (p *process) awaitLine(msg string, do func()) map[string]any {
	p.t.Helper()
	before := len(p.logged(msg))
	do()
	eventually(p.t, msg, func() bool { return len(p.logged(msg)) > before })
	return p.logged(msg)[before]
}

func (p *process) hangup() {
	p.t.Helper()
	if err := syscall.Kill(p.pid(), syscall.SIGHUP); err != nil {
		p.t.Fatal(err)
	}
}

// TestReloadTakesKeysUp goes through a key of each kind, and looks for its effect.
func TestReloadTakesKeysUp(t *testing.T) {
	t.Parallel()
	config := writeTestConfig(t, t.TempDir())
	p := start(t, config)
	a, _ := p.register()
	set := func(from, to string) {
		t.Helper()
		p.awaitLine(inForceNow, func() { rewrite(t, config, from, to) })
	}
	serial := p.serial()
	set(`records = ["@ A 127.0.0.1"]`, `records = ["@ A 127.0.0.1", "www A 192.0.2.7"]`)
	eventually(t, "the new record", func() bool { return len(p.ask("www.auth.test", dns.TypeA).Answer) == 1 })
	if p.serial() == serial {
		t.Error("other records at the same serial")
	}

	set("[store]", "max_values = 2\n[store]")
	for range 4 {
		p.update(a, newValue())
	}
	if got := len(p.texts(a.FullDomain)); got != 2 {
		t.Errorf("%d values with max_values = 2", got)
	}

	set("[store]", "value_lifetime = \"1s\"\n[store]")
	eventually(t, "values end by the new lifetime", func() bool { return len(p.texts(a.FullDomain)) == 0 })

	foreign := func() int {
		status, _, err := p.post("/register", "", "X-Forwarded-For", "192.0.2.1")
		if err != nil {
			t.Fatal(err)
		}
		return status
	}
	if status := foreign(); status != http.StatusCreated {
		t.Errorf("X-Forwarded-For of nobody who is trusted: %d", status)
	}
	set("[limits]", "trusted_proxies = [\"127.0.0.1\"]\n[limits]")
	if status := foreign(); status != http.StatusForbidden {
		t.Errorf("from elsewhere, through a proxy that is trusted now: %d", status)
	}

	set("[limits]", "registration = \"closed\"\npath_prefix = \"/acme\"\n[limits]")
	if status, _, _ := p.post("/register", ""); status != http.StatusNotFound {
		t.Errorf("without the prefix: %d", status)
	}
	if status, _, _ := p.post("/acme/register", ""); status != http.StatusForbidden {
		t.Errorf("closed: %d", status)
	}

	set("[log]\n", "[log]\nlevel = \"error\"\n")
	eventually(t, "log.level is error", func() bool { // from just after the line on
		before := len(p.log.String())
		p.update(a, newValue())
		return !strings.Contains(p.log.String()[before:], "INFO")
	})
}

// TestReloadOfWhatTakesARestart takes the rest up and names the keys.
func TestReloadOfWhatTakesARestart(t *testing.T) {
	t.Parallel()
	config := writeTestConfig(t, t.TempDir())
	p := start(t, config)
	p.awaitLine(takesARestart, func() { rewrite(t, config, "[admin]", "[nsd]\n[admin]") })
	rewrite(t, config, `name = "auth.test"`, "name = \"other.test\"\nmax_values = 3\n")
	eventually(t, "all are named", func() bool {
		lines := p.logged(takesARestart)
		return fmt.Sprint(lines[len(lines)-1]["keys"]) == "[zone.name api.hostname nsd]" // hostname is the zone's unless it is named
	})
	if a, ok := p.register(); !ok || !strings.HasSuffix(a.FullDomain, ".auth.test") {
		t.Errorf("%v after a change of zone.name", a)
	}
	if lines := p.logged(inForceNow); len(lines) != 1 || fmt.Sprint(lines[0]["keys"]) != "[zone.max_values]" {
		t.Error(lines)
	}
}

// TestReloadKeepsWhatWasRight: with a file that is wrong, or gone, everything stays as it
// was, and the log says what is wrong and where.
func TestReloadKeepsWhatWasRight(t *testing.T) {
	t.Parallel()
	config := writeTestConfig(t, t.TempDir())
	right, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, config)
	a, _ := p.register()
	lineOf := func(text string) int { return strings.Count(text[:strings.Index(text, "records")], "\n") + 1 }
	for _, c := range []struct{ from, to, says string }{
		{`records = [`, `recrods = [`, fmt.Sprintf("line %d: there is no key zone.recrods", lineOf(string(right)))},
		{`records = ["@ A 127.0.0.1"]`, `records = ["@ A 127.0.0.1", "@ A 300.0.0.1"]`, fmt.Sprintf("line %d: zone.records", lineOf(string(right)))},
		{`records = ["@ A 127.0.0.1"]`, fmt.Sprintf(`records = ["@ A 127.0.0.1", "%s TXT x"]`, a.Subdomain), "belongs to a registered account"},
		{"[dns]\nlisten = [\"127.0.0.1:0\"]\n", "", "nothing would answer"},
		{`timeout = "1m"`, `timeout = "1m`, "line"},
		{`tls = "off"`, "tls = \"acme\"\nacme_eab_kid = \"kid-1\"\nacme_eab_hmac_key_file = \"/none\"", "api.acme_eab_hmac_key_file: open /none: no such file"},
	} {
		line := p.awaitLine(notTakenUp, func() { rewrite(t, config, c.from, c.to) })
		if text := fmt.Sprint(line["err"]); !strings.Contains(text, c.says) || !strings.Contains(text, config) {
			t.Errorf("%s: %s", c.to, text)
		}
		if status, text := p.health(); status != http.StatusOK || !strings.Contains(text, "can't be taken up") || strings.Contains(text, config) {
			t.Errorf("/health says %d %s", status, text)
		}
		p.awaitLine(nothingNew, func() { rewriteWhole(t, config, right) })
		if _, text := p.health(); strings.Contains(text, "can't be taken up") {
			t.Errorf("/health says %s after all is well again", text)
		}
	}
	line := p.awaitLine(notTakenUp, func() {
		if err := os.Remove(config); err != nil {
			t.Fatal(err)
		}
	})
	if text := fmt.Sprint(line["err"]); !strings.Contains(text, "can't be read") {
		t.Error(text)
	}
	p.awaitLine(notTakenUp, p.hangup)
	mustUpdateDNS(t, p)
	p.awaitLine(nothingNew, func() { rewriteWhole(t, config, right) })
	p.awaitLine(nothingNew, p.hangup)
	if changed := p.logged(inForceNow); len(changed) > 0 {
		t.Error(changed)
	}
}

func rewriteWhole(t *testing.T, path string, text []byte) {
	t.Helper()
	next := filepath.Join(filepath.Dir(path), ".new")
	if err := os.WriteFile(next, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
}

// TestReloadDropsNothing reloads again and again under load.
func TestReloadDropsNothing(t *testing.T) {
	t.Parallel()
	config := writeTestConfig(t, t.TempDir())
	p := start(t, config)
	load := underLoad(t, p, p.dns)
	last := "@ A 127.0.0.1"
	for n := range 10 {
		next := fmt.Sprintf("@ A 127.0.0.%d", n+2)
		p.awaitLine(inForceNow, func() {
			rewrite(t, config, last, next)
			p.hangup()
		})
		last = next
	}
	load.end()
	if got := p.ask("auth.test", dns.TypeA).Answer; len(got) != 1 || !strings.HasSuffix(got[0].String(), "127.0.0.11") {
		t.Error(got)
	}
	checkAcknowledged(t, p, load.known)
}

// TestReloadReachesNSD: other records come with a serial of their own there, too.
func TestReloadReachesNSD(t *testing.T) {
	t.Parallel()
	server := startAuthTest(t)
	config := writeNSDConfig(t, t.TempDir(), server)
	p := startBeside(t, config, server)
	serial := p.serial()
	p.awaitLine(inForceNow, func() { rewrite(t, config, "@ A 127.0.0.1", "@ A 127.0.0.2") })
	eventually(t, "NSD answers the new record", func() bool {
		answer := p.askInReload("auth.test", dns.TypeA).Answer
		return len(answer) == 1 && strings.HasSuffix(answer[0].String(), "127.0.0.2")
	})
	// An old process may answer once more.
	eventually(t, "other records have another serial", func() bool {
		return serialIn(p.askInReload("auth.test", dns.TypeSOA)) != serial
	})
	line := p.awaitLine(notTakenUp, func() { rewrite(t, config, "@ A 127.0.0.2\"", "@ A 127.0.0.2\", \"x NINFO hello\"") })
	if text := fmt.Sprint(line["err"]); !strings.Contains(text, "NSD could not read the zone") || !strings.Contains(text, "NINFO") {
		t.Error(text)
	}
	mustUpdate(t, p)
}

// TestReloadTakesOtherCertificateFilesUp, and goes on watching those.
func TestReloadTakesOtherCertificateFilesUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := writeTestConfig(t, dir)
	pair := func(name, host string) string {
		path := filepath.Join(dir, name)
		_ = os.Remove(path) // there may be none
		if _, err := cert.SelfSigned(path, []string{host}, time.Now()); err != nil {
			t.Fatal(err)
		}
		return path
	}
	one, two := pair("one.pem", "one.test"), pair("two.pem", "two.test")
	change(t, config, `tls = "off"`, fmt.Sprintf("tls = \"files\"\ncert_file = %q\nkey_file = %[1]q", one))
	p := start(t, config)
	shown := func() string {
		conn, err := tls.Dial("tcp", p.api, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].DNSNames[0]
	}
	if host := shown(); host != "one.test" {
		t.Error(host)
	}
	text := readText(t, config)
	line := p.awaitLine(notTakenUp, func() { rewriteWhole(t, config, []byte(strings.Replace(text, one, two+".missing", 1))) })
	if text := fmt.Sprint(line["err"]); !strings.Contains(text, "two.pem.missing") {
		t.Error(text)
	}
	p.awaitLine(inForceNow, func() { rewriteWhole(t, config, []byte(strings.ReplaceAll(text, one, two))) })
	if host := shown(); host != "two.test" {
		t.Error(host)
	}
	pair("two.pem", "three.test")
	eventually(t, "the new files are watched", func() bool { return shown() == "three.test" })
}

// TestDefinitionOfASerial: a publisher that is still at an earlier serial shows it with the
// records of that time.
func TestDefinitionOfASerial(t *testing.T) {
	old, now := new(zone.Definition), new(zone.Definition)
	s := new(service)
	for _, c := range []struct {
		inForce inForce
		serial  zone.Serial
		want    *zone.Definition
	}{
		{inForce{def: now}, 1, now},
		{inForce{def: now, earlier: old, since: 7}, 6, old},
		{inForce{def: now, earlier: old, since: 7}, 7, now},
		{inForce{def: now, earlier: old, since: 7}, 8, now},
		{inForce{def: now, earlier: old, since: 2}, 4294967295, old}, // around the circle
	} {
		s.inForce.Store(&c.inForce)
		if got := s.definitionOf(zone.NewSnapshot(c.serial, 0)); got != c.want {
			t.Errorf("serial %d, records since %d", c.serial, c.inForce.since)
		}
	}
}
