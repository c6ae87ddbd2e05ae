package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// TestRegistrationsOnTheWire wants of every client's way to register a 201 and an
// answer that even a sed script can take apart.
func TestRegistrationsOnTheWire(t *testing.T) {
	s := startService(t, plainHTTP)
	for _, c := range registrations {
		t.Run(c.client, func(t *testing.T) {
			answer := s.send(t, c.wireRequest)
			answer.must(t, http.StatusCreated)
			m := registrationForm.FindStringSubmatch(answer.body)
			if m == nil {
				t.Fatalf("the answer is not of the form that clients know: %s", answer.body)
			}
			if m[1] != m[2] {
				t.Errorf("fulldomain is %s, subdomain %s", m[1], m[2])
			}
			if m[3] != c.allowFrom {
				t.Errorf("allowfrom is %s, not %s", m[3], c.allowFrom)
			}
		})
	}
}

// registrationForm has the keys in their order and no blank anywhere. It captures
// fulldomain's label, subdomain and allowfrom.
var registrationForm = regexp.MustCompile(strings.ReplaceAll(
	`^{"username":"UUID","password":"[A-Za-z0-9_-]{40}","fulldomain":"(UUID)\.`+regexp.QuoteMeta(zoneName)+
		`","subdomain":"(UUID)","allowfrom":(\[.*\])}$`,
	"UUID", `[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`))

// TestUpdatesOnTheWire wants of every client's way to update a 200, the value in
// the answer, and the value in DNS by then.
func TestUpdatesOnTheWire(t *testing.T) {
	s := startService(t, plainHTTP)
	for _, r := range updates {
		t.Run(r.client, func(t *testing.T) {
			a, value := s.register(t), newValue()
			s.send(t, r.fill(a, value)).mustBe(t, http.StatusOK, fmt.Sprintf(`{"txt": %q}`, value))
			mustServe(t, s.dns, a.FullDomain, value)
		})
	}
}

// TestAcmeShTakesTheAnswersApart runs the commands that acme.sh's plugin has for
// the two answers: it looks at the text only, not at the status.
func TestAcmeShTakesTheAnswersApart(t *testing.T) {
	s := startService(t, plainHTTP)
	answer := s.send(t, registrations[acmeShRegistration].wireRequest).body
	want := parseAccount(t, []byte(answer))
	got := account{
		Username: sed(t, "username", answer), Password: sed(t, "password", answer),
		FullDomain: sed(t, "fulldomain", answer), Subdomain: sed(t, "subdomain", answer),
	}
	if got.Username != want.Username || got.Password != want.Password || got.FullDomain != want.FullDomain || got.Subdomain != want.Subdomain {
		t.Fatalf("sed finds %+v in %s", got, answer)
	}
	value := newValue()
	updated := s.send(t, updates[acmeShUpdate].fill(got, value)).body
	output(t, updated+"\n", "grep", `"`+value+`"`)
}

// sed prints the value of a key in a line of JSON, nearly as if it knew JSON.
func sed(t *testing.T, key, line string) string {
	t.Helper()
	script := `s/^{.*"` + key + `":[ ]*"\([^"]*\)".*}/\1/p`
	return strings.TrimSuffix(output(t, line+"\n", "sed", "-n", script), "\n")
}
