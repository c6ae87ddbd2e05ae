package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestCertbot has Debian's certbot call a hook of curl. It lets the CA look as
// soon as the last hook is done, and asks no resolver before.
func TestCertbot(t *testing.T) {
	t.Parallel()
	certbot := program(t, "certbot", "certbot")
	b := newBed(t, certFiles)
	dir := t.TempDir()
	b.writeAccounts(t, dir)
	hook := filepath.Join(dir, "hook")
	writeScript(t, hook, fmt.Sprintf(`. %s/"$CERTBOT_DOMAIN"
exec %s -q -sS --fail -H "X-Api-User: $user" -H "X-Api-Key: $key" \
	-d "{\"subdomain\": \"$subdomain\", \"txt\": \"$CERTBOT_VALIDATION\"}" %s/update
`, dir, program(t, "curl", "curl"), b.url))
	args := []string{
		"certonly", "--non-interactive", "--agree-tos", "--register-unsafely-without-email", "--server", b.ca.directory,
		"--config-dir", dir, "--work-dir", dir, "--logs-dir", dir, "--cert-name", "all",
		"--manual", "--preferred-challenges", "dns", "--manual-auth-hook", hook,
	}
	for _, name := range certificateNames {
		args = append(args, "--domain", name)
	}
	output(t, "", certbot, args...)
	chain, err := os.ReadFile(filepath.Join(dir, "live", "all", "fullchain.pem"))
	if err != nil {
		t.Fatal(err)
	}
	b.ca.verify(t, decodePEM(chain), certificateNames...)
}

// writeAccounts registers each customer zone, makes its CNAME, and leaves a file of
// shell variables named after the zone. Both hooks are given a wildcard's domain
// without the asterisk.
func (b *bed) writeAccounts(t *testing.T, dir string) {
	t.Helper()
	for _, zone := range customerZones {
		a := b.register(t)
		b.point(t, zone, a.FullDomain)
		writeFile(t, filepath.Join(dir, zone), fmt.Sprintf("user=%s key=%s subdomain=%s\n", a.Username, a.Password, a.Subdomain))
	}
}

func writeScript(t *testing.T, path, script string) {
	t.Helper()
	writeFile(t, path, "#!/bin/sh -eu\n"+script)
	if err := os.Chmod(path, 0o700); err != nil {
		t.Fatal(err)
	}
}
