package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
)

// writeNSDConfig is writeTestConfig for a service beside an NSD, without [dns].
func writeNSDConfig(t testing.TB, dir string, server *nsdtest.Server) string {
	t.Helper()
	path := writeTestConfig(t, dir)
	change(t, path, "[dns]\nlisten = [\"127.0.0.1:0\"]\n", fmt.Sprintf("[nsd]\nconfig = %q\n", server.Config))
	return path
}

// change replaces a part of a file.
func change(t testing.TB, path, from, to string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil && !strings.Contains(string(text), from) {
		t.Fatalf("%q is not in %s", from, path)
	}
	if err == nil {
		err = os.WriteFile(path, []byte(strings.Replace(string(text), from, to, 1)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func startAuthTest(t testing.TB) *nsdtest.Server {
	t.Helper()
	return nsdtest.Start(t, nsdtest.Options{Zones: []nsdtest.Zone{{Name: "auth.test", File: "auth.test.zone"}}})
}

// impatient has requests wait for less, for tests in which they wait in vain. It is long
// enough for a slow disk.
func impatient(t testing.TB, config string) {
	t.Helper()
	change(t, config, `timeout = "1m"`, `timeout = "10s"`)
}

// startBeside starts a service beside an NSD; its questions go to that NSD.
func startBeside(t testing.TB, config string, server *nsdtest.Server) *process {
	t.Helper()
	p := start(t, config)
	p.dns = server.Addr.String()
	return p
}

// mustUpdate registers and sets a value, which must be served.
func mustUpdate(t *testing.T, p *process) registered {
	t.Helper()
	a, ok := p.register()
	if !ok {
		t.Fatal("not registered")
	}
	mustSet(t, p, a)
	return a
}

func mustSet(t *testing.T, p *process, a registered) {
	t.Helper()
	value := newValue()
	if status := p.update(a, value); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	if got := p.texts(a.FullDomain); !slices.Contains(got, value) {
		t.Errorf("after the 200, NSD answers %q", got)
	}
}

func TestServeBesideNSD(t *testing.T) {
	server := startAuthTest(t)
	config := writeNSDConfig(t, t.TempDir(), server)
	p := startBeside(t, config, server)
	a := mustUpdate(t, p)
	before, serial := p.texts(a.FullDomain), p.serial()
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	if got := p.texts(a.FullDomain); !slices.Equal(got, before) || p.serial() != serial {
		t.Errorf("with acmezone gone NSD answers %q, serial %d", got, p.serial())
	}
	p = startBeside(t, config, server)
	mustSet(t, p, a)
	if p.serial() <= serial {
		t.Errorf("serial %d after %d", p.serial(), serial)
	}
}

// TestNSDComesBack: what was stored while NSD was away is served soon after it is back,
// without another request.
func TestNSDComesBack(t *testing.T) {
	t.Parallel()
	server := startAuthTest(t)
	config := writeNSDConfig(t, t.TempDir(), server)
	impatient(t, config)
	p := startBeside(t, config, server)
	a := mustUpdate(t, p)
	server.Kill()
	value := newValue()
	if status := p.update(a, value); status != http.StatusServiceUnavailable {
		t.Errorf("status %d while NSD is away", status)
	}
	eventually(t, "health says why", func() bool {
		status, body := p.health()
		return status == http.StatusServiceUnavailable && strings.Contains(body, "NSD isn't running")
	})
	server.Restart()
	began := time.Now()
	eventually(t, "served and healthy", func() bool {
		status, _ := p.health()
		return status == http.StatusOK && slices.Contains(textsIn(p.askInReload(a.FullDomain, dns.TypeTXT)), value)
	})
	t.Logf("healthy %v after NSD was back", time.Since(began).Round(time.Millisecond))
}

// TestServeWithoutNSD: the service starts before NSD does.
func TestServeWithoutNSD(t *testing.T) {
	server := startAuthTest(t)
	server.Stop()
	config := writeNSDConfig(t, t.TempDir(), server)
	api := freeAddress(t)
	change(t, config, "[api]\nlisten = [\"127.0.0.1:0\"]", fmt.Sprintf("[api]\nlisten = [%q]", api))
	started := make(chan *process, 1)
	go func() {
		p, _ := launch(t, config)
		started <- p
	}()
	early := &process{t: t, api: api}
	eventually(t, "health says that NSD isn't there", func() bool {
		status, body := early.health()
		return status == http.StatusServiceUnavailable && strings.Contains(body, "nothing is published yet") && strings.Contains(body, "NSD isn't running")
	})
	server.Restart()
	p := <-started
	p.dns = server.Addr.String()
	mustUpdate(t, p)
}

// freeAddress returns an address that is kept for this test.
func freeAddress(t testing.TB) string {
	t.Helper()
	at := nsdtest.Reserve(t, "127.0.0.1")
	nsdtest.Free(at)
	return at.String()
}

// TestEditedFileIsNoticed: nobody has to ask for an update.
func TestEditedFileIsNoticed(t *testing.T) {
	server := startAuthTest(t)
	p := startBeside(t, writeNSDConfig(t, t.TempDir(), server), server)
	a := mustUpdate(t, p)
	want, serial := p.texts(a.FullDomain), p.serial()
	server.Write(t, "auth.test.zone", "@ 60 IN SOA a b 7 1 2 3 4\n@ 60 IN NS a.test.\n")
	if out, err := server.Control("reload", "auth.test"); err != nil {
		t.Fatal(out, err)
	}
	server.Await(t, "auth.test", 7)
	eventually(t, "the zone is back", func() bool {
		return serialIn(p.askInReload("auth.test", dns.TypeSOA)) >= serial && slices.Equal(textsIn(p.askInReload(a.FullDomain, dns.TypeTXT)), want)
	})
	if _, err := os.Stat(filepath.Join(server.Dir, "auth.test.zone.before-acmezone")); err != nil {
		t.Error("what somebody else wrote is lost:", err)
	}
	if !strings.Contains(p.log.String(), "changed by somebody else") {
		t.Errorf("nothing was said of it:\n%s", p.log)
	}
}

// TestRestoredBackup: with a database from a backup the serial goes on from where the
// name servers are.
func TestRestoredBackup(t *testing.T) {
	server := startAuthTest(t)
	backup, dir := t.TempDir(), t.TempDir()
	config := writeNSDConfig(t, dir, server)
	p := startBeside(t, config, server)
	a := mustUpdate(t, p)
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	copyDatabase(t, dir, backup)
	p = startBeside(t, config, server)
	for range 5 {
		mustSet(t, p, a)
	}
	serial := p.serial()
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	p = startBeside(t, writeNSDConfig(t, backup, server), server)
	if got := p.serial(); got <= serial {
		t.Errorf("serial %d with the backup, %d before", got, serial)
	}
	mustSet(t, p, a)
}

// TestBothPublishers: an operator may want the embedded server and NSD.
func TestBothPublishers(t *testing.T) {
	server := startAuthTest(t)
	config := writeTestConfig(t, t.TempDir())
	change(t, config, "[publish]\n", fmt.Sprintf("[nsd]\nconfig = %q\n[publish]\n", server.Config))
	p := start(t, config)
	a := mustUpdate(t, p) // asks the embedded server
	want, serial := p.texts(a.FullDomain), p.serial()
	p.dns = server.Addr.String()
	if got := p.texts(a.FullDomain); !slices.Equal(got, want) || p.serial() != serial {
		t.Errorf("NSD answers %q, serial %d; the embedded server %q, %d", got, p.serial(), want, serial)
	}
}

// TestKillBesideNSD kills the service at work; NSD must never be left with a torn
// file or go back.
func TestKillBesideNSD(t *testing.T) {
	server := startAuthTest(t)
	config := writeNSDConfig(t, t.TempDir(), server)
	p := startBeside(t, config, server)
	a := mustUpdate(t, p)
	last := p.serial()
	for range crashRounds(t) {
		stop := make(chan struct{})
		go func() {
			defer close(stop)
			for p.update(a, newValue()) != 0 {
			}
		}()
		<-time.After(time.Duration(time.Now().UnixNano()%60) * time.Millisecond)
		p.kill()
		<-stop
		// Nobody waits any more for the reload that the service has left behind.
		if serial := serialIn(p.askInReload("auth.test", dns.TypeSOA)); serial < last {
			t.Fatalf("serial %d after %d", serial, last)
		}
		p = startBeside(t, config, server)
		mustSet(t, p, a)
		last = p.serial()
	}
}
