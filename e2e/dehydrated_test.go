package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestDehydrated has Debian's dehydrated call a hook of curl that looks for the
// value in the answer and at nothing else.
func TestDehydrated(t *testing.T) {
	t.Parallel()
	dehydrated := program(t, "dehydrated", "dehydrated")
	b := newBed(t, certFiles)
	dir := t.TempDir()
	b.writeAccounts(t, dir)
	writeScript(t, filepath.Join(dir, "hook"), fmt.Sprintf(`[ "$1" = deploy_challenge ] || exit 0
. %s/"$2"
%s -q -sS -H "X-Api-User: $user" -H "X-Api-Key: $key" \
	-d "{\"subdomain\": \"$subdomain\", \"txt\": \"$4\"}" %s/update | grep -q "\"$4\""
`, dir, program(t, "curl", "curl"), b.url))
	config := filepath.Join(dir, "config")
	writeFile(t, config, fmt.Sprintf("CA=%q\nBASEDIR=%[2]q\nHOOK=\"%[2]s/hook\"\nCHALLENGETYPE=dns-01\nKEY_ALGO=prime256v1\n", b.ca.directory, dir))
	output(t, "", dehydrated, "--config", config, "--register", "--accept-terms")
	args := []string{"--config", config, "--cron", "--alias", "all"}
	for _, name := range certificateNames {
		args = append(args, "--domain", name)
	}
	output(t, "", dehydrated, args...)
	chain, err := os.ReadFile(filepath.Join(dir, "certs", "all", "fullchain.pem"))
	if err != nil {
		t.Fatal(err)
	}
	b.ca.verify(t, decodePEM(chain), certificateNames...)
}
