package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/acmezone/acmezone/internal/audit"
	"github.com/acmezone/acmezone/internal/config"
)

// watched writes the configuration of a service with metrics and an audit log, and
// returns where that is.
func watched(t *testing.T) (config, trail string) {
	t.Helper()
	dir := t.TempDir()
	config, trail = writeTestConfig(t, dir), filepath.Join(dir, "audit.log")
	f, err := os.OpenFile(config, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := fmt.Fprintf(f, "level = \"debug\"\naudit = %q\n", trail); err != nil {
		t.Fatal(err)
	}
	t.Setenv("ACMEZONE_ADMIN_LISTEN", "127.0.0.1:0")
	return config, trail
}

// get asks at admin.listen.
func (p *process) get(path string) (int, string) {
	p.t.Helper()
	response, err := httpClient.Get("http://" + p.admin + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// entries reads an audit log.
func entries(t *testing.T, path string) (all []audit.Entry) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var e audit.Entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Errorf("%q: %v", lines.Text(), err)
		}
		all = append(all, e)
	}
	return all
}

func TestSeenFromOutside(t *testing.T) {
	config, trail := watched(t)
	p := start(t, config)
	a, _ := p.register()
	if p.update(a, newValue()) != http.StatusOK {
		t.Fatal("no update")
	}
	// A line is there when the answer is.
	if all := entries(t, trail); len(all) != 2 || all[1].Event != "update" || all[1].Account != a.Username || all[1].Client != "127.0.0.1" {
		t.Errorf("audit log: %+v", all)
	}
	for _, path := range []string{"/livez", "/readyz", "/health"} {
		if status, body := p.get(path); status != http.StatusOK || body != "" {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	_, text := p.get("/metrics")
	for _, want := range []string{
		`acmezone_http_requests_total{code="201",endpoint="register"} 1`, `acmezone_http_requests_total{code="200",endpoint="update"} 1`,
		`acmezone_changes_total{kind="update",result="ok"} 1`, `acmezone_live_names 1`, `acmezone_publisher_ready{publisher="dns"} 1`,
		`acmezone_healthy 1`, `acmezone_audit_lines_total 2`, `acmezone_database_wal_size_bytes `, `acmezone_build_info{`, `go_goroutines `, `process_open_fds `,
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}

// TestAuditLogThatTakesNoLines holds up nobody, and is said.
func TestAuditLogThatTakesNoLines(t *testing.T) {
	config, trail := watched(t)
	p := start(t, config)
	a, _ := p.register()
	if err := os.Rename(trail, trail+".1"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(trail, 0o700); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if status := p.update(a, newValue()); status != http.StatusOK {
			t.Errorf("status %d", status)
		}
	}
	if status, body := p.health(); status != http.StatusOK || !strings.Contains(body, "the audit log takes no lines") {
		t.Errorf("%d %s", status, body)
	}
	if _, text := p.get("/metrics"); !strings.Contains(text, "acmezone_audit_write_failures_total 3\n") || !strings.Contains(text, "acmezone_degraded_parts 1\n") {
		t.Errorf("%s", text)
	}
	if said := strings.Count(p.log.String(), "the audit log takes no lines: what is changed"); said != 1 {
		t.Errorf("said %d times", said)
	}
	if err := os.Remove(trail); err != nil {
		t.Fatal(err)
	}
	p.update(a, newValue())
	if status, body := p.health(); status != http.StatusOK || body != "" {
		t.Errorf("afterwards: %d %s", status, body)
	}
}

func TestAuditLogThatCantBeWritten(t *testing.T) {
	config, trail := watched(t)
	if err := os.Mkdir(trail, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"serve"}, {"token", "create"}} {
		_, errs, code := command(t, append(args, "--config", config)...)
		if code != exitUsage || !strings.Contains(errs, "log.audit: the audit log: open "+trail+": is a directory") {
			t.Errorf("%v: exit code %d: %s", args, code, errs)
		}
	}
	elsewhere := strings.ReplaceAll(config, "acmezone.toml", "elsewhere.toml")
	if err := os.WriteFile(elsewhere, []byte("[zone]\nname = \"auth.test\"\n[api]\ntls = \"off\"\n[dns]\n[log]\naudit = \"/nowhere/audit.log\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := command(t, "config", "check", elsewhere); code != exitUsage || !strings.Contains(errs, "line 7: log.audit: stat /nowhere: no such file or directory: make its folder") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	// What changes nothing needs no audit log.
	if out, errs, code := command(t, "account", "list", "--json", "--config", config); code != exitDone || strings.TrimSpace(out) != "[]" {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	if out, _, _ := command(t, "token", "list", "--json", "--config", config); strings.TrimSpace(out) != "[]" {
		t.Errorf("a token was made all the same: %s", out)
	}
}

// TestReadiness: before everything is published a service lives, and isn't ready.
func TestReadiness(t *testing.T) {
	dir := t.TempDir()
	cfg, err := config.Dev(dir, []string{
		"ACMEZONE_API_LISTEN=127.0.0.1:0", "ACMEZONE_DNS_LISTEN=127.0.0.1:0", "ACMEZONE_ADMIN_LISTEN=127.0.0.1:0", "ACMEZONE_NSD_CONFIG=" + dir + "/nsd.conf",
	})
	if err != nil {
		t.Fatal(err)
	}
	svc, err := newService(t.Context(), cfg, startup{log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- svc.run(ctx, func() {}) }()
	p := &process{t: t, admin: svc.probes.Addr().String()}
	eventually(t, "it says why it isn't ready", func() bool {
		status, body := p.get("/readyz")
		return status == http.StatusServiceUnavailable && strings.Contains(body, "nsd.conf")
	})
	if status, body := p.get("/livez"); status != http.StatusOK {
		t.Errorf("live: %d %s", status, body)
	}
	if status, body := p.get("/health"); status != http.StatusServiceUnavailable {
		t.Errorf("health: %d %s", status, body)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := svc.Ready(context.Background()); err == nil || err.Error() != errStopping.Error() {
		t.Errorf("stopped: %v", err)
	}
}

// TestNoSecretIsLogged runs everything that handles secrets at the most talkative level,
// through the service and beside it.
func TestNoSecretIsLogged(t *testing.T) {
	config, trail := watched(t)
	p := start(t, config)
	a, _ := p.register()
	secrets := []string{a.Password}
	p.update(a, newValue())
	wrong := a
	wrong.Password = "wrong-" + newValue()
	secrets = append(secrets, wrong.Password)
	p.update(wrong, newValue())
	unknown := "acmezone_" + newValue()
	if _, _, err := p.post("/"+unknown+"/register", ""); err != nil {
		t.Fatal(err)
	}
	secrets = append(secrets, secretsOfATenant(t, p, config)...)
	secrets = append(secrets, rotatePassword(t, config, a.Subdomain))
	said := p.log.String()
	for _, path := range []string{"/metrics", "/livez", "/readyz", "/health"} {
		_, text := p.get(path)
		said += text
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	secrets = append(secrets, secretsBesideTheService(t, config, a)...)
	text, err := os.ReadFile(trail)
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{"log": said, "audit log": string(text)} {
		for _, secret := range append(secrets, "acmezone_"+"tok", unknown[:20]) {
			if secret == "" || strings.Contains(text, secret) {
				t.Errorf("%q is in the %s:\n%s", secret, what, text)
			}
		}
		if !strings.Contains(text, a.Username) || !strings.Contains(text, "127.0.0.1") {
			t.Errorf("account or address is missing from the %s:\n%s", what, text)
		}
	}
	wantEvents(t, entries(t, trail))
}

// secretsOfATenant goes through all that can be done with a token, in each place that it
// may stand in.
func secretsOfATenant(t *testing.T, p *process, config string) []string {
	t.Helper()
	out, errs, code := command(t, "token", "create", "--json", "--domain", "example.com", "--uses", "10", "--config", config)
	var token struct{ ID, Token string }
	if json.Unmarshal([]byte(out), &token) != nil || code != exitDone {
		t.Fatal(out, errs)
	}
	secrets := []string{token.Token, strings.TrimPrefix(token.Token, "acmezone_")}
	var a registered
	for _, header := range [][]string{{"Authorization", "Bearer " + token.Token}, {"Authorization", "Basic " + basic(token.Token)}} {
		_, body, err := p.post("/register", "", header...)
		if err != nil || json.Unmarshal([]byte(body), &a) != nil {
			t.Fatal(body, err)
		}
		secrets = append(secrets, a.Password)
	}
	claim := fmt.Sprintf(`{"fulldomain":%q,"subdomain":%q,"username":%q,"password":%q}`, a.FullDomain, a.Subdomain, a.Username, a.Password)
	for _, domain := range []string{"example.com", token.Token, "elsewhere.test"} {
		if _, _, err := p.post("/"+token.Token+"/storage/"+domain, claim); err != nil {
			t.Fatal(err)
		}
	}
	response, err := httpClient.Get("http://" + p.api + "/" + token.Token + "/storage/example.com")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if json.NewDecoder(response.Body).Decode(&a) != nil || a.Password == "" {
		t.Errorf("no account for the token: %s", response.Status)
	}
	for _, args := range [][]string{
		{"cname", "example.com", "--server", "http://" + p.api, "--token", token.Token},
		{"cname", "example.net"}, {"account", "unbind", "example.net"},
		{"update", a.Subdomain, newValue()}, {"update", a.Subdomain, "--remove"},
		{"account", "remove", "--yes", a.Subdomain}, {"token", "revoke", token.ID, "--yes"}, {"backup", filepath.Join(t.TempDir(), "copy.db")},
	} {
		if !slices.Contains(args, "--server") {
			args = append(args, "--config", config)
		}
		if _, errs, code := command(t, args...); code != exitDone {
			t.Errorf("%v: exit code %d: %s", args[:2], code, errs)
		}
	}
	return append(secrets, a.Password)
}

// secretsBesideTheService works on the database itself.
func secretsBesideTheService(t *testing.T, config string, a registered) []string {
	t.Helper()
	secrets := []string{rotatePassword(t, config, a.Subdomain)}
	out, errs, code := command(t, "token", "create", "--config", config)
	if code != exitDone {
		t.Fatal(errs)
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	for _, args := range [][]string{{"backup", copied}, {"restore", copied}} {
		if _, errs, code := command(t, append(args, "--config", config)...); code != exitDone {
			t.Errorf("%v: exit code %d: %s", args, code, errs)
		}
	}
	for _, word := range strings.Fields(out) {
		if strings.HasPrefix(word, "acmezone_") {
			secrets = append(secrets, word)
		}
	}
	return secrets
}

// wantEvents holds what was done above to the audit log.
func wantEvents(t *testing.T, all []audit.Entry) {
	t.Helper()
	self := audit.Self()
	seen := make(map[string]bool)
	for _, e := range all {
		seen[strings.TrimSpace(e.Event+" "+e.Result+" "+e.Via)] = true
		if e.Via == "" {
			continue
		}
		if e.UID == nil || *e.UID != *self.UID || e.PID == 0 {
			t.Errorf("nobody did %+v", e)
		}
	}
	for _, want := range []string{
		"register ok", "update ok", "login_failed refused", "bind ok", "bind refused", "storage_read ok",
		"token_create ok admin socket", "register ok admin socket", "unbind ok admin socket", "rotate ok admin socket", "update ok admin socket",
		"remove_value ok admin socket", "account_remove ok admin socket", "token_revoke ok admin socket", "backup ok admin socket",
		"rotate ok database", "token_create ok database", "backup ok database", "restore ok database",
	} {
		if !seen[want] {
			t.Errorf("no %q among %v", want, seen)
		}
	}
}

func basic(token string) string {
	r, _ := http.NewRequest(http.MethodGet, "/", nil) // those always make one
	r.SetBasicAuth("x", token)
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Basic ")
}

// TestSeenBesideNSD: metrics say what NSD answers, and its end is no reason for a restart.
func TestSeenBesideNSD(t *testing.T) {
	server := startAuthTest(t)
	config := writeNSDConfig(t, t.TempDir(), server)
	impatient(t, config)
	t.Setenv("ACMEZONE_ADMIN_LISTEN", "127.0.0.1:0")
	p := startBeside(t, config, server)
	a, _ := p.register()
	if status := p.update(a, newValue()); status != http.StatusOK {
		t.Fatal(status)
	}
	own := fmt.Sprintf("{server=%q}", server.Addr)
	serial := strconv.FormatFloat(float64(p.serial()), 'g', -1, 64)
	want := func(what string, lines ...string) {
		t.Helper()
		eventually(t, what, func() bool {
			_, text := p.get("/metrics")
			return !slices.ContainsFunc(lines, func(line string) bool { return !strings.Contains(text, "\n"+line+"\n") })
		})
	}
	want("NSD is in sync", "acmezone_nameserver_in_sync"+own+" 1", "acmezone_nameserver_serial"+own+" "+serial,
		`acmezone_publisher_ready{publisher="nsd"} 1`, `acmezone_publish_failures_total{publisher="nsd"} 0`)
	server.Kill()
	p.update(a, newValue())
	want("NSD is gone", "acmezone_nameserver_in_sync"+own+" 0", `acmezone_publisher_failing{publisher="nsd"} 1`)
	for path, want := range map[string]int{"/livez": http.StatusOK, "/readyz": http.StatusOK} {
		if status, body := p.get(path); status != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	server.Restart()
	want("NSD is back", "acmezone_nameserver_in_sync"+own+" 1", `acmezone_publisher_failing{publisher="nsd"} 0`)
}
