package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/cert"
	"github.com/acmezone/acmezone/internal/client"
)

// silentCA accepts no connection.
func silentCA(t *testing.T) string {
	t.Helper()
	return "https://" + freeAddress(t) + "/dir"
}

// TestServesWithoutAWordOnTLS: the default takes a certificate from a CA, and its
// absence keeps nobody from serving.
func TestServesWithoutAWordOnTLS(t *testing.T) {
	dir := t.TempDir()
	config := writeTestConfig(t, dir)
	change(t, config, "tls = \"off\"\n", "acme_directory = \""+silentCA(t)+"\"\n")
	p := start(t, config)
	conn, err := tls.Dial("tcp", p.api, &tls.Config{InsecureSkipVerify: true}) // whoever signed it
	if err != nil {
		t.Fatal(err)
	}
	leaf := conn.ConnectionState().PeerCertificates[0]
	conn.Close()
	if leaf.VerifyHostname("auth.test") != nil || leaf.CheckSignatureFrom(leaf) != nil {
		t.Errorf("%v is shown", leaf.Subject)
	}
	var said struct{ Degraded []string }
	if status := p.healthOverTLS(t, &said); status != http.StatusOK || len(said.Degraded) != 1 || !strings.Contains(said.Degraded[0], "self-signed certificate until it has the first one for auth.test") {
		t.Errorf("/health says %d %q", status, said.Degraded)
	}
	admin, err := client.Dial(context.Background(), filepath.Join(dir, "admin.sock"), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if s, err := admin.Certificate(context.Background()); err != nil || !s.SelfSigned || s.Host != "auth.test" {
		t.Errorf("%+v, %v", s, err)
	}
	if info, err := os.Stat(filepath.Join(dir, "acme")); err != nil || info.Mode().Perm() != 0o700 {
		t.Error(info, err)
	}
	p.stop()
	if log := p.log.String(); !strings.Contains(log, "the API answers with a self-signed certificate until") || strings.Contains(log, "PRIVATE KEY") {
		t.Error(log)
	}
}

func (p *process) healthOverTLS(t *testing.T, into any) int {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get("https://" + p.api + "/health")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return resp.StatusCode
}

// TestConfigCheckRemindsRoot: what root can read, the service's user perhaps can't.
func TestConfigCheckRemindsRoot(t *testing.T) {
	dir := t.TempDir()
	file := checkedFiles(t, dir, time.Now())
	for uid, want := range []string{"", "note: root can read the certificate files; whether the service's user can, this says: runuser -u daemon -- acmezone config check " + file + "\n"} {
		if err := os.Chown(filepath.Join(dir, "db"), uid, -1); err != nil {
			t.Fatal(err) // needs root, as other tests here do
		}
		if _, errs, code := command(t, "config", "check", file); code != exitDone || errs != want {
			t.Errorf("exit code %d, %s", code, errs)
		}
	}
	key := filepath.Join(dir, "hmac-key")
	if err := os.WriteFile(key, []byte("c2VjcmV0"), 0o600); err != nil {
		t.Fatal(err)
	}
	rewrite(t, file, `tls = "files"`, fmt.Sprintf("tls = \"acme\"\nacme_eab_kid = \"kid-1\"\nacme_eab_hmac_key_file = %q", key))
	rewrite(t, file, "cert_file", "#") // that they aren't used would be warned of
	rewrite(t, file, "key_file = \""+filepath.Join(dir, "pair.pem"), "#")
	if _, errs, code := command(t, "config", "check", file); code != exitDone || !strings.HasPrefix(errs, "note: root can read the file of api.acme_eab_hmac_key_file; ") {
		t.Errorf("exit code %d, %s", code, errs)
	}
}

func TestConfigCheckWarnsOfAnExpiredCertificate(t *testing.T) {
	file := checkedFiles(t, t.TempDir(), time.Now().AddDate(-6, 0, 0))
	if _, errs, code := command(t, "config", "check", file); code != exitDone || !strings.HasPrefix(errs, "warning: the API's certificate expired at ") {
		t.Errorf("exit code %d, %s", code, errs)
	}
}

// checkedFiles is a configuration with files of a certificate that was made at that time.
func checkedFiles(t *testing.T, dir string, made time.Time) string {
	t.Helper()
	pair, file := filepath.Join(dir, "pair.pem"), filepath.Join(dir, "acmezone.toml")
	if _, err := cert.SelfSigned(pair, []string{"auth.test"}, made); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("[zone]\nname = \"auth.test\"\nrecords = [\"@ A 192.0.2.1\"]\n[dns]\n[store]\npath = %q\n[api]\ntls = \"files\"\ncert_file = %[2]q\nkey_file = %[2]q\n",
		filepath.Join(dir, "db", "acmezone.db"), pair)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "db"), 0o700); err != nil {
		t.Fatal(err)
	}
	return file
}
