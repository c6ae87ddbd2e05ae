package main

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/acmezone/acmezone/internal/zone"
)

// TestServerThatIsNone has --server lead to what is no acmezone: the message says what to
// do, and never holds the token.
func TestServerThatIsNone(t *testing.T) {
	token := zone.NewToken()
	elsewhere := http.NewServeMux()
	elsewhere.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") })
	elsewhere.Handle("/moved/", http.RedirectHandler("/new", http.StatusMovedPermanently))
	elsewhere.HandleFunc("/none/", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"error": "not_found"}`)
	})
	elsewhere.HandleFunc("/busy/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, `{"error": "rate_limited"}`)
	})
	plain := httptest.NewServer(elsewhere)
	defer plain.Close()
	signed := httptest.NewUnstartedServer(elsewhere)
	signed.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshakes
	signed.StartTLS()
	defer signed.Close()

	withUser := strings.Replace(plain.URL, "//", "//"+token+"@", 1)
	for _, c := range []struct {
		server, want string
		code         int
	}{
		{plain.URL, "is not acmezone's: invalid character '<' looking for beginning of value: is it the address of an acmezone?", exitFailed},
		{withUser, "is not acmezone's", exitFailed},
		{plain.URL + "/moved", "leads elsewhere, to /new: give the address that answers itself as --server", exitFailed},
		{signed.URL, "set SSL_CERT_FILE to that", exitFailed},
		{plain.URL + "/busy", "/busy has had too many requests of this kind from here: go on in 3600 seconds", exitFailed},
		{plain.URL + "/" + token, "has a token in its path", exitUsage},
	} {
		_, stderr, code := command(t, "cname", "example.org", "--server", c.server, "--token", token)
		if code != c.code || !strings.Contains(stderr, c.want) || strings.Contains(stderr, token) {
			t.Errorf("%s: exit code %d: %s", c.server, code, stderr)
		}
	}
	// What isn't bound is registered, and there the path turns out to be wrong.
	_, stderr, code := command(t, "cname", "example.org", "--server", plain.URL+"/none", "--token", token)
	if want := "has no API there: give --server with its api.path_prefix"; code != exitFailed || !strings.Contains(stderr, want) {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
