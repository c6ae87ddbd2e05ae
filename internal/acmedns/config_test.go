package acmedns

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sampleConfig is acme-dns' own example, with the oddities of a grown installation.
const sampleConfig = `
[general]
listen = "127.0.0.1:53"
protocol = "both"
domain = "auth.example.org"
nsname = "auth.example.org"
nsadmin = "admin\\.dns.example.org"
records = [
    "auth.example.org. A 198.51.100.1",
    "auth.example.org. NS auth.example.org.",
    "auth.example.org. NS ns2.example.net.",
    "_dmarc.auth.example.org TXT \"v=DMARC1; p=Reject\"",
    "elsewhere.example.org. A 198.51.100.9",
    "auth.example.org. CNAME www.example.org.",
    "what is this",
]
debug = false
[database]
engine = "%s"
connection = "%s"
[api]
ip = "0.0.0.0"
disable_registration = true
port = "8443"
tls = "cert"
tls_cert_privkey = "/etc/tls/privkey.pem"
tls_cert_fullchain = "/etc/tls/fullchain.pem"
corsorigins = ["https://panel.example.org"]
use_header = true
header_name = "X-Forwarded-For"
[logconfig]
loglevel = "warning"
logtype = "stdout"
logformat = "json"
`

func writeSample(t *testing.T, dir, engine, connection string) string {
	t.Helper()
	path := filepath.Join(dir, "config.cfg")
	if err := os.WriteFile(path, []byte(fmt.Sprintf(sampleConfig, engine, connection)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEquivalentConfiguration(t *testing.T) {
	c, err := ReadConfig(writeSample(t, t.TempDir(), "sqlite3", "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	want := `# acmezone's configuration in the place of ` + c.Path + `

[zone]
name = "auth.example.org"
nameservers = ["auth.example.org", "ns2.example.net"]
contact = "admin.dns@example.org"
# left out: "elsewhere.example.org. A 198.51.100.9": elsewhere.example.org. is outside the zone auth.example.org.
# left out: "auth.example.org. CNAME www.example.org.": no CNAME may stand at the zone's apex
# left out: "what is this": it is no record
records = ["auth.example.org. A 198.51.100.1", "_dmarc.auth.example.org. TXT \"v=DMARC1; p=Reject\""]

[api]
listen = ["[::]:8443"]
registration = "closed"
tls = "files"
cert_file = "/etc/tls/fullchain.pem"
key_file = "/etc/tls/privkey.pem"
cors_origins = ["https://panel.example.org"]
# warning: acme-dns believes whatever X-Forwarded-For anybody sends; acmezone reads X-Forwarded-For,
# and only from the proxies that you name here, with the addresses they connect from:
# trusted_proxies = ["127.0.0.0/8", "::1/128"]

[dns]
# or [nsd], to have an NSD answer that runs already
listen = ["127.0.0.1:53"]

[log]
level = "warn"
format = "json"
`
	if diff := cmp.Diff(want, c.Equivalent()); diff != "" {
		t.Error(diff)
	}
}

// TestEquivalentNamesTheFolder: a certificate that is there already needn't be ordered
// again.
func TestEquivalentNamesTheFolder(t *testing.T) {
	dir := t.TempDir()
	certs := filepath.Join(dir, "api-certs")
	pair := filepath.Join(certs, "certificates", "acme-v02.api.letsencrypt.org-directory", "auth.example.org", "auth.example.org")
	err := errors.Join(os.MkdirAll(filepath.Dir(pair), 0o700), os.WriteFile(pair+".crt", nil, 0o600), os.WriteFile(pair+".key", nil, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "config.cfg")
	text := "[general]\ndomain = \"auth.example.org\"\n[api]\ntls = \"letsencrypt\"\nport = 443\nnotification_email = \"a@example.org\"\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := ReadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"tls = \"acme\"\nacme_email = \"a@example.org\"\n", "acme_storage = \"" + certs + "\"\n",
		"#   chown -R acmezone: " + certs + "\n",
		`listen = ["[::]:443"]`, `registration = "open"`, `listen = ["[::]:53"]`,
	} {
		if !strings.Contains(c.Equivalent(), want) {
			t.Errorf("%q is not in\n%s", want, c.Equivalent())
		}
	}
	if strings.Contains(c.Equivalent(), "no certificate") || strings.Contains(c.Equivalent(), "acme_directory") {
		t.Error(c.Equivalent())
	}
	if err := os.Remove(pair + ".key"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(c.Equivalent(), "# no certificate for this name was found") {
		t.Errorf("half a pair is of no use:\n%s", c.Equivalent())
	}
	if err := os.RemoveAll(certs); err != nil {
		t.Fatal(err)
	}
	c.API.TLS = "letsencryptstaging"
	for _, want := range []string{
		"acme_directory = \"https://acme-staging-v02.api.letsencrypt.org/directory\"\n", "weren't found", "# acme_storage = \"/var/lib/acme-dns/api-certs\"\n",
	} {
		if !strings.Contains(c.Equivalent(), want) {
			t.Errorf("%q is not in\n%s", want, c.Equivalent())
		}
	}
}

// TestConfigNamesTheDatabase: beside the configuration first, if the path is relative.
func TestConfigNamesTheDatabase(t *testing.T) {
	i := newV1(t)
	i.account(1, id(1), "one", nil)
	dir := filepath.Dir(i.source)
	for _, connection := range []string{"acme-dns.db", i.source, "file:" + i.source + "?_journal_mode=DELETE", "./acme-dns.db?x=y"} {
		s, _, rows := readAll(t, writeSample(t, dir, "sqlite", connection))
		if len(rows) != 1 || s.Name != i.source || s.Config == nil {
			t.Errorf("%s: %s, %d rows", connection, s.Name, len(rows))
		}
	}
}

func TestConfigsThatNameNone(t *testing.T) {
	for _, c := range []struct{ engine, connection, want string }{
		{"sqlite3", "nowhere.db", "is relative to acme-dns' working directory and there is none of"},
		{"mysql", "x", `database.engine "mysql" is none of sqlite3, sqlite, postgres`},
		{"", "x", "it names no database.engine"},
		{"sqlite3", "", "it names no database.connection"},
		{"postgres", "host=x password=secret-word", "is no postgres:// URL"},
		{"postgres", "host=x password = 'a secret-word'", "is no postgres:// URL"},
	} {
		_, err := Open(t.Context(), writeSample(t, t.TempDir(), c.engine, c.connection))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret-word") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
