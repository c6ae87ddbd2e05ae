package e2e

import (
	"path/filepath"
	"testing"

	"github.com/nrdcg/goacmedns"
	"github.com/nrdcg/goacmedns/storage"
)

// TestClientsReadTheFileOfCNAME has the library of lego, Traefik and cert-manager read
// what 'acmezone cname --storage' and --format wrote, and update with it.
func TestClientsReadTheFileOfCNAME(t *testing.T) {
	s := startService(t, plainHTTP)
	path := filepath.Join(t.TempDir(), "accounts.json")
	output(t, "", binaries.acmezone, "cname", "example.com", "*.example.com", "--config", s.config, "--storage", path)
	printed := filepath.Join(t.TempDir(), "printed.json")
	writeFile(t, printed, output(t, "", binaries.acmezone, "cname", "example.net", "--config", s.config, "--format", "lego"))
	for domain, file := range map[string]string{"example.com": path, "example.net": printed} {
		a, err := storage.NewFile(file, 0o600).Fetch(limited(t), domain)
		if err != nil {
			t.Fatal(err)
		}
		client, err := goacmedns.NewClient(a.ServerURL)
		if err != nil {
			t.Fatal(err)
		}
		value := newValue()
		if err := client.UpdateTXTRecord(limited(t), a, value); err != nil {
			t.Fatal(err)
		}
		mustServe(t, s.dns, a.FullDomain, value)
	}
}
