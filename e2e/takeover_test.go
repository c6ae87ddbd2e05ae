package e2e

import (
	"context"
	"encoding/pem"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"
	"go.uber.org/zap"
)

// asAcmeDNS gets a certificate into a folder as acme-dns does, with certmagic's own
// management. The CA believes everything.
func asAcmeDNS(t *testing.T, folder, directory, email string) {
	t.Helper()
	var config *certmagic.Config
	cache := certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return config, nil }, Logger: zap.NewNop(),
	})
	defer cache.Stop()
	config = certmagic.New(cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: folder}, DefaultServerName: zoneName, Logger: zap.NewNop(),
		OCSP: certmagic.OCSPConfig{DisableStapling: true},
	})
	issuer := certmagic.NewACMEIssuer(config, certmagic.ACMEIssuer{
		CA: directory, Email: email, Agreed: true, DisableHTTPChallenge: true, DisableTLSALPNChallenge: true,
		DNS01Solver: blind{}, Logger: zap.NewNop(),
	})
	config.Issuers = []certmagic.Issuer{issuer}
	if err := config.ManageSync(limited(t), []string{zoneName}); err != nil {
		t.Fatal(err)
	}
}

// blind solves a challenge for a CA that doesn't look.
type blind struct{}

func (blind) Present(context.Context, acme.Challenge) error { return nil }
func (blind) CleanUp(context.Context, acme.Challenge) error { return nil }

// TestTakesOverTheCertificateOfAcmeDNS goes the whole way: acme-dns' folder, the
// configuration that 'import --print-config' prints, and a start. No order is made, and
// no account. When the CA then wants the certificate renewed, the account is that of
// acme-dns.
func TestTakesOverTheCertificateOfAcmeDNS(t *testing.T) {
	t.Parallel()
	dir, ports := t.TempDir(), freePorts(t, 2)
	f := startFront(t, "127.0.0.1:0")
	ca := startPebbleWith(t, "127.0.0.1:1", pebbleOptions{env: []string{"PEBBLE_VA_ALWAYS_VALID=1"}})
	f.leadTo(t, ca)
	asAcmeDNS(t, filepath.Join(dir, "api-certs"), f.directory, "hostmaster@example.org")
	cfg := filepath.Join(dir, "config.cfg")
	writeFile(t, cfg, fmt.Sprintf("[general]\nlisten = %q\ndomain = %q\nnsname = %[2]q\nnsadmin = \"hostmaster.example.org\"\nrecords = [\"%[2]s. A 127.0.0.1\"]\n"+
		"[database]\nengine = \"sqlite3\"\nconnection = \"acme-dns.db\"\n"+
		"[api]\nip = \"127.0.0.1\"\nport = \"%d\"\ntls = \"letsencrypt\"\nnotification_email = \"hostmaster@example.org\"\n", loopback(ports[1]), zoneName, ports[0]))

	o := &own{hostname: zoneName, env: []string{
		"ACMEZONE_STORE_PATH=" + filepath.Join(dir, "acmezone.db"), "ACMEZONE_ADMIN_SOCKET=" + filepath.Join(dir, "admin.sock"),
		"ACMEZONE_LOG_LEVEL=debug",
		"ACMEZONE_API_ACME_DIRECTORY=" + f.directory, // Let's Encrypt's is printed, as acme-dns knows no other
	}, service: &service{
		config: filepath.Join(dir, "acmezone.toml"), host: loopback(ports[0]), dns: loopback(ports[1]), url: "https://" + loopback(ports[0]),
	}}
	writeFile(t, o.config, output(t, "", binaries.acmezone, "import", cfg, "--print-config"))
	t.Cleanup(func() { o.running.finish(t) })
	o.start(t)
	first := o.mustShow(t, ca.roots)
	if o.status(t).SelfSigned || f.count(newOrder) != 1 || f.count(newAccount) != 1 {
		t.Errorf("%d orders, %d accounts", f.count(newOrder), f.count(newAccount))
	}

	o.running.stop(t) // it might ask what the CA wants in the midst of it
	// A window that was over before the certificate began would be taken for a mistake.
	from := func(begin time.Duration) string { return first.NotBefore.Add(begin).UTC().Format(time.RFC3339) }
	post(t, ca.management+"/set-renewal-info/", map[string]string{
		"Certificate": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: first.Raw})),
		"ARIResponse": fmt.Sprintf(`{"suggestedWindow": {"start": %q, "end": %q}}`, from(-time.Hour), from(time.Second)),
	})
	o.start(t)
	err := poll(startTime, o.running.ended, func() error {
		if leaf := o.mustShow(t, ca.roots); leaf.Equal(first) {
			return fmt.Errorf("the first is still shown: %+v", o.status(t))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if f.count(newOrder) != 2 || f.count(newAccount) != 1 {
		t.Errorf("%d orders, %d accounts", f.count(newOrder), f.count(newAccount))
	}
	if !strings.Contains(o.running.log.String(), "the CA says when it wants the certificate renewed") {
		t.Error("it was renewed for another reason")
	}
	o.running.mustKeepSecret(t, dir)
}

// mustKeepSecret looks for every line of every key below a folder in what was logged.
func (p *process) mustKeepSecret(t *testing.T, folder string) {
	t.Helper()
	said, keys := p.log.String(), 0
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".key" {
			return err
		}
		keys++
		text, err := os.ReadFile(path)
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); !strings.HasPrefix(line, "---") && strings.Contains(said, line) {
				t.Errorf("%s is in the log", path)
			}
		}
		return err
	})
	if err != nil || keys < 2 || !strings.Contains(said, "certificate authority") {
		t.Error(keys, err)
	}
}
