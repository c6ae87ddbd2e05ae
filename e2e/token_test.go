package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/nrdcg/goacmedns"
)

// elsewhere is a network that the tests are not in.
const elsewhere = "192.0.2.0/24"

// TestTokenRegistersFromAnotherMachine is the usual place of lego: a machine that
// may not register by its address. The token goes into the URL, the one thing that
// every client lets its user set.
func TestTokenRegistersFromAnotherMachine(t *testing.T) {
	s := startService(t, plainHTTP, elsewhere)
	s.send(t, wireRequest{head: registerHead}).mustBe(t, http.StatusForbidden, errorBody("registration_forbidden"))
	token := s.createToken(t, "--uses", "3")
	for _, url := range []string{
		strings.Replace(s.url, "://", "://"+token+"@", 1),
		strings.Replace(s.url, "://", "://lego:"+token+"@", 1),
		s.url + "/" + token,
	} {
		s.mustRegister(t, url)
	}
	// Three were allowed.
	s.send(t, wireRequest{head: registerHead + "\nAuthorization: Bearer " + token}).
		mustBe(t, http.StatusForbidden, errorBody("registration_forbidden"))
}

// mustRegister registers and updates with the same base, as a client does.
func (s *service) mustRegister(t *testing.T, base string) {
	t.Helper()
	client, err := goacmedns.NewClient(base)
	if err != nil {
		t.Fatal(err)
	}
	a, err := client.RegisterAccount(limited(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	value := newValue()
	if err := client.UpdateTXTRecord(limited(t), a, value); err != nil {
		t.Fatal(err)
	}
	mustServe(t, s.dns, a.FullDomain, value)
}

// createToken asks the running service for a token, as its operator does.
func (s *service) createToken(t *testing.T, args ...string) string {
	t.Helper()
	args = append([]string{"token", "create", "--config", s.config, "--json"}, args...)
	var created struct{ ID, Token string }
	out := output(t, "", binaries.acmezone, args...)
	if err := json.Unmarshal([]byte(out), &created); err != nil {
		t.Fatalf("token create --json: %v: %s", err, out)
	}
	if created.ID == "" || !strings.HasPrefix(created.Token, "acmezone_") {
		t.Fatalf("token create --json: %s", out)
	}
	return created.Token
}
