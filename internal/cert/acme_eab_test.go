package cert

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mholt/acmez/v3/acme"
)

// TestKeysOfCAs reads an HMAC key in every form that CAs and their tools give it in.
func TestKeysOfCAs(t *testing.T) {
	secret := []byte{0xfb, 0xff, 0xfe, 1, 2, 3, 4}
	for _, text := range []string{
		base64.RawURLEncoding.EncodeToString(secret), base64.URLEncoding.EncodeToString(secret),
		base64.RawStdEncoding.EncodeToString(secret), base64.StdEncoding.EncodeToString(secret),
		"\n  " + base64.URLEncoding.EncodeToString(secret) + " \r\n",
	} {
		path := filepath.Join(t.TempDir(), "key")
		write(t, path, []byte(text))
		eab, err := ACME{EABKid: "kid-1", EABKeyFile: path}.binding()
		if err != nil || *eab != (acme.EAB{KeyID: "kid-1", MACKey: "-__-AQIDBA"}) {
			t.Errorf("%q: %v, %v", text, eab, err)
		}
	}
	if eab, err := (ACME{}).binding(); eab != nil || err != nil {
		t.Error(eab, err)
	}
}

// TestKeysThatAreNone: what is wrong is said without the key.
func TestKeysThatAreNone(t *testing.T) {
	const secret = "zWNDZM6eQGHWpSRTPal5"
	for text, say := range map[string]string{
		"":                 "is empty",
		" \n":              "is empty",
		"==":               "is empty",
		secret + "!":       "holds no key in base64url",
		secret + "é":       "holds no key in base64url",
		"key: " + secret:   "holds no key in base64url",
		secret + "A":       "holds no key in base64url",
		secret + "\x00":    "holds no key in base64url",
		`"` + secret + `"`: "holds no key in base64url",
	} {
		path := filepath.Join(t.TempDir(), "key")
		write(t, path, []byte(text))
		_, err := ACME{EABKid: "kid-1", EABKeyFile: path}.Check()
		if err == nil || !strings.HasPrefix(err.Error(), "api.acme_eab_hmac_key_file: "+path+" "+say) || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", text, err)
		}
	}
	_, err := ACME{EABKid: "kid-1", EABKeyFile: "/none"}.Check()
	if err == nil || err.Error() != "api.acme_eab_hmac_key_file: open /none: no such file or directory" {
		t.Error(err)
	}
}

// TestWhyThereIsNoAccount has what an operator reads.
func TestWhyThereIsNoAccount(t *testing.T) {
	m := &Managed{ACME: ACME{Host: "auth.test", Directory: testDirectory}}
	const ask = ": are api.acme_eab_kid and the HMAC key in api.acme_eab_hmac_key_file as the CA gave them, and not used up or withdrawn?"
	for _, c := range []struct {
		kind  string
		bound bool
		say   string
	}{
		{acme.ProblemTypeUnauthorized, true, "the CA gives no account (unauthorized): no" + ask},
		{acme.ProblemTypeMalformed, true, "the CA gives no account (malformed): no" + ask},
		{acme.ProblemTypeUnauthorized, false, "the CA gives no account (unauthorized): no"},
		{acme.ProblemTypeRateLimited, true, "the CA gives no account (rateLimited): no"},
		{acme.ProblemTypeInvalidContact, false, "the CA gives no account (invalidContact): no: look at api.acme_email"},
		{acme.ProblemTypeExternalAccountRequired, false, "the CA gives no account (externalAccountRequired): no: " + bindFix},
	} {
		err := fmt.Errorf("[auth.test] Obtain: %w", acme.Problem{Type: c.kind, Status: 403, Detail: "no."})
		if got := m.why(unregistered{err, c.bound}); got != c.say {
			t.Errorf("said %s\nwant %s", got, c.say)
		}
	}
	if got := m.why(errUnbound); got != errUnbound.Error() || unreached(errUnbound) {
		t.Error(got)
	}
}

// registration is what the library keeps of an account that was bound with a key.
func registration(t *testing.T, kid string) []byte {
	t.Helper()
	account := acme.Account{Status: "valid", Location: "https://ca.test/1"}
	if kid != "" {
		header := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"alg":"HS256","kid":%q}`, kid))
		account.ExternalAccountBinding = fmt.Appendf(nil, `{"protected":%q,"payload":"","signature":""}`, header)
	}
	text, err := json.Marshal(account)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestAnAccountThatIsBoundElsewhere isn't used, and stays where it is.
func TestAnAccountThatIsBoundElsewhere(t *testing.T) {
	for _, c := range []struct {
		content []byte
		kid     string
		known   bool
	}{
		{registration(t, "kid-1"), "kid-1", true},
		{registration(t, "kid-1"), "kid-2", false},
		{registration(t, "kid-1"), "", true}, // the binding is for good
		{registration(t, ""), "kid-1", true}, // the CA has taken it as it is
		{[]byte(`{"externalAccountBinding": 1}`), "kid-1", true},
		{[]byte(`{"externalAccountBinding": {"protected": "!"}}`), "kid-1", true},
		{[]byte(`broken`), "kid-1", true}, // the library says so
	} {
		s := newStorage(&Managed{ACME: ACME{Directory: testDirectory, Storage: t.TempDir(), EABKid: c.kid, Email: "Me@Example.org"}})
		if s.account != "acme/ca.test-dir/users/me@example.org/me.json" {
			t.Error(s.account)
		}
		if err := s.Store(t.Context(), "acme/ca.test-dir/users/default/default.json", c.content); err != nil { // as with a CA that doesn't repeat the address
			t.Fatal(err)
		}
		if got := s.known(t.Context()); got != c.known {
			t.Errorf("%s with %q: %t", c.content, c.kid, got)
		}
		if kept, err := s.FileStorage.Load(t.Context(), s.account); err != nil || !bytes.Equal(kept, c.content) {
			t.Error(err)
		}
	}
}

// TestAnAccountThatTheCAHasForgotten ends the order that the library would go on with.
func TestAnAccountThatTheCAHasForgotten(t *testing.T) {
	s := newStorage(&Managed{ACME: ACME{Directory: testDirectory, Storage: t.TempDir()}})
	if s.account != "acme/ca.test-dir/users/default/default.json" {
		t.Error(s.account)
	}
	if err := s.Store(t.Context(), s.account, registration(t, "")); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), s.account); !errors.Is(err, errGone) || !s.gone || s.known(t.Context()) {
		t.Error(err, s.gone)
	}
}

// TestReplacing: an order that is refused before any challenge is tried without saying
// what it replaces, since the CA may mind that.
func TestReplacing(t *testing.T) {
	for _, c := range []struct {
		err   error
		minds bool
	}{
		{nil, false},
		{errors.New("something"), false},
		{acme.Problem{Type: acme.ProblemTypeUnauthorized, Status: 403}, true},
		{acme.Problem{Type: acme.ProblemTypeMalformed, Status: 404}, true},
		{acme.Problem{Type: acme.ProblemTypeUnauthorized, Status: 403, Resource: acme.Authorization{}}, false},
		{acme.Problem{Type: acme.ProblemTypeRateLimited, Status: 429}, false},
		{acme.Problem{Type: acme.ProblemTypeServerInternal, Status: 500}, false},
	} {
		if got := mindsReplacing(c.err); got != c.minds {
			t.Errorf("%v: %t", c.err, got)
		}
	}
}
