package e2e

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"testing"
)

// account is what a registration answers, as the clients keep it.
type account struct {
	Username   string   `json:"username"`
	Password   string   `json:"password"`
	FullDomain string   `json:"fulldomain"`
	Subdomain  string   `json:"subdomain"`
	AllowFrom  []string `json:"allowfrom"`
}

// register is for clients that leave registering to their user.
func (s *service) register(t *testing.T) account {
	t.Helper()
	resp, err := http.Post(s.url+"/register", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("/register: %s %s", resp.Status, body)
	}
	return parseAccount(t, body)
}

func parseAccount(t *testing.T, answer []byte) account {
	t.Helper()
	var a account
	if err := json.Unmarshal(answer, &a); err != nil {
		t.Fatalf("registration %q: %v", answer, err)
	}
	return a
}

// newValue makes a value such as a challenge asks for.
func newValue() string {
	var digest [32]byte
	_, _ = rand.Read(digest[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(digest[:])
}
