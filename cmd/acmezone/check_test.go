package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"

	"github.com/acmezone/acmezone/internal/check"
	"github.com/acmezone/acmezone/internal/check/checktest"
	"github.com/acmezone/acmezone/internal/client"
	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
	"github.com/acmezone/acmezone/internal/zone"
)

// checked is a service beside NSD, with the world around it.
type checked struct {
	config, dir string
	service     *process
	nsd, others *nsdtest.Server
	opts        check.Options
}

// startChecked has nothing wrong: a parent zone, a certificate, a customer's domain with
// its CNAME.
func startChecked(t *testing.T) *checked {
	t.Helper()
	c := &checked{dir: t.TempDir(), nsd: startAuthTest(t)}
	c.config = writeNSDConfig(t, c.dir, c.nsd)
	authority := checktest.NewCA(t, "Test CA")
	certFile, keyFile := filepath.Join(c.dir, "cert.pem"), filepath.Join(c.dir, "key.pem")
	checktest.WriteFiles(t, authority.Issue(t, "auth.test", time.Now().Add(-time.Hour), time.Now().Add(2000*time.Hour)), certFile, keyFile)
	change(t, c.config, "tls = \"off\"\n", fmt.Sprintf("tls = \"files\"\ncert_file = %q\nkey_file = %q\nacme_ca_file = %q\n", certFile, keyFile, authority.File))
	change(t, c.config, `listen = ["127.0.0.1:0"]`, fmt.Sprintf("listen = [%q]", freeAddress(t)))
	c.service = start(t, c.config)
	target := register(t, filepath.Join(c.dir, "admin.sock"), "cust.test")
	c.others = nsdtest.Start(t, nsdtest.Options{Addr: "127.0.1.1", Zones: []nsdtest.Zone{
		handWritten("test", "auth NS auth\nauth A 127.0.0.1\ncust NS ns\n"),
		handWritten("cust.test", "_acme-challenge CNAME "+target+"\n"),
	}})
	c.opts = c.options(t)
	return c
}

func handWritten(name, records string) nsdtest.Zone {
	return nsdtest.Zone{Name: name, File: name + ".zone", Text: fmt.Sprintf(
		"$ORIGIN %s.\n$TTL 3600\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 127.0.1.1\n%s", name, records)}
}

// register binds a new account to the domain, and returns where its CNAME has to lead.
func register(t *testing.T, socket, domain string) string {
	t.Helper()
	admin, err := client.Dial(context.Background(), socket, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	account := zone.Account{
		Username: uuid.NewString(), Subdomain: uuid.NewString(), Password: zone.SecretOf("secret"), Domains: []string{domain},
	}
	if err := admin.Do(context.Background(), zone.Register{Account: account}); err != nil {
		t.Fatal(err)
	}
	return account.Subdomain + ".auth.test."
}

// options are those of the command, with a resolver and ports of the test's.
func (c *checked) options(t *testing.T) check.Options {
	t.Helper()
	cfg, err := readConfig(c.config, surroundings{})
	if err != nil {
		t.Fatal(err)
	}
	opts, err := checkOptions(cfg)
	if err != nil {
		t.Fatal(err)
	}
	opts.Resolver = checktest.Unbound(t, map[string]string{
		"auth.test": c.nsd.Addr.String(), "test": c.others.Addr.String(), "cust.test": c.others.Addr.String(),
	})
	opts.Dial = checktest.Ports{"127.0.0.1": c.nsd.Addr.String(), "127.0.1.1": c.others.Addr.String()}.Dial
	return opts
}

// run is what the command does, and how it ends.
func (c *checked) run(t *testing.T) (findings map[string]check.Status, text string, err error) {
	t.Helper()
	var out bytes.Buffer
	found := check.Run(context.Background(), c.opts, nil)
	err = report(surroundings{stdout: &out}, found, false)
	findings = make(map[string]check.Status)
	for _, f := range found {
		findings[f.Check] = f.Status
	}
	return findings, out.String(), err
}

func TestCheckOfAHealthySetUp(t *testing.T) {
	c := startChecked(t)
	findings, text, err := c.run(t)
	if err != nil {
		t.Errorf("%v\n%s", err, text)
	}
	for _, name := range []string{"resolver", "delegation", "glue", "nsd", "server", "dnssec", "service", "health", "certificate", "cname", "cache", "caa"} {
		if findings[name] != check.OK {
			t.Errorf("%s: %q\n%s", name, findings[name], text)
		}
	}
	if strings.Contains(text, "do: ") || strings.ContainsAny(text, "\x1b✓") {
		t.Errorf("there is nothing to do, and this is no terminal:\n%s", text)
	}
}

// TestCheckWithoutAService: accounts and serial come from the database.
func TestCheckWithoutAService(t *testing.T) {
	c := startChecked(t)
	if err := c.service.stop(); err != nil {
		t.Fatal(err)
	}
	findings, text, err := c.run(t)
	if err != nil {
		t.Errorf("%v\n%s", err, text)
	}
	for name, want := range map[string]check.Status{
		"service": check.Warning, "health": check.Skipped, "certificate": check.Skipped, "server": check.OK, "cname": check.OK,
	} {
		if findings[name] != want {
			t.Errorf("%s: %q\n%s", name, findings[name], text)
		}
	}
}

func TestCheckOfADeadNSD(t *testing.T) {
	c := startChecked(t)
	c.nsd.Stop()
	findings, text, err := c.run(t)
	if err == nil || !strings.HasSuffix(err.Error(), "faults were found; what to do is said with each") {
		t.Errorf("%v\n%s", err, text)
	}
	if findings["nsd"] != check.Fault || findings["server"] != check.Fault || findings["cache"] != check.Fault {
		t.Error(text)
	}
	if !strings.Contains(text, "is refused: NSD isn't running") && !strings.Contains(text, "is not there: NSD isn't running") {
		t.Error(text)
	}
}

func TestCheckAsJSON(t *testing.T) {
	var out bytes.Buffer
	err := report(surroundings{stdout: &out}, []check.Finding{
		{Check: "tcp", Subject: "ns1.auth.test (192.0.2.1)", Status: check.Fault, Message: "a < b", Fix: "open it"},
	}, true)
	if err == nil || err.Error() != "1 fault was found; what to do is said with it" {
		t.Error(err)
	}
	var found []map[string]string
	if err := json.Unmarshal(out.Bytes(), &found); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"check": "tcp", "subject": "ns1.auth.test (192.0.2.1)", "status": "fault", "message": "a < b", "fix": "open it"}
	if len(found) != 1 || fmt.Sprint(found[0]) != fmt.Sprint(want) {
		t.Errorf("%s", out.String())
	}
}

func TestColoursOnATerminalOnly(t *testing.T) {
	terminal := openTerminal(t)
	for _, c := range []struct {
		out     io.Writer
		environ []string
		want    check.Style
	}{
		{terminal, nil, check.Style{Symbols: true, Colour: true}},
		{terminal, []string{"NO_COLOR=1"}, check.Style{Symbols: true}},
		{terminal, []string{"TERM=dumb"}, check.Style{}},
		{new(bytes.Buffer), nil, check.Style{}},
	} {
		if got := styleFor(surroundings{stdout: c.out, environ: c.environ}); got != c.want {
			t.Errorf("%v: %+v", c.environ, got)
		}
	}
}

// openTerminal returns the side of a pseudo-terminal that programs write to.
func openTerminal(t *testing.T) *os.File {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = terminal.Close() })
	return terminal
}
