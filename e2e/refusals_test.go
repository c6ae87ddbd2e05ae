package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// refusal is a request that must fail, and how. The certbot hook crashes on an
// error that isn't JSON, so that counts for each of them.
type refusal struct {
	wireRequest
	status int
	code   string // of the error; empty: not part of the contract
}

const updateHead = `POST /update HTTP/1.1
Host: {host}
X-Api-User: {user}
X-Api-Key: {key}
Content-Length: {length}`

const registerHead = `POST /register HTTP/1.1
Host: {host}
Content-Length: {length}`

var refusals = []refusal{
	{wireRequest{client: "a wrong key", head: strings.Replace(updateHead, "{key}", "{txt}", 1),
		body: `{"subdomain":"{sub}","txt":"{txt}"}`}, http.StatusUnauthorized, "forbidden"},
	{wireRequest{client: "a user that is none", head: strings.Replace(updateHead, "{user}", "{sub}", 1),
		body: `{"subdomain":"{sub}","txt":"{txt}"}`}, http.StatusUnauthorized, "forbidden"},
	{wireRequest{client: "no credentials", head: anonymousHead,
		body: `{"subdomain":"{sub}","txt":"{txt}"}`}, http.StatusUnauthorized, "forbidden"},
	{wireRequest{client: "another's subdomain", head: updateHead,
		body: `{"subdomain":"{user}","txt":"{txt}"}`}, http.StatusUnauthorized, "forbidden"},
	{wireRequest{client: "an update that isn't JSON", head: updateHead,
		body: `subdomain={sub}&txt={txt}`}, http.StatusUnauthorized, "forbidden"},
	{wireRequest{client: "a value that no challenge has", head: updateHead,
		body: `{"subdomain":"{sub}","txt":"short"}`}, http.StatusBadRequest, "bad_txt"},
	{wireRequest{client: "a registration that isn't JSON", head: registerHead,
		body: `allowfrom=192.0.2.1`}, http.StatusBadRequest, "malformed_json_payload"},
	{wireRequest{client: "a network that is none", head: registerHead,
		body: `{"allowfrom":["192.0.2.0/33"]}`}, http.StatusBadRequest, "invalid_allowfrom_cidr"},
	{wireRequest{client: "a body of more than 16 KiB", head: updateHead,
		body: strings.Repeat(" ", 16<<10) + `{}`}, http.StatusRequestEntityTooLarge, ""},
	{wireRequest{client: "GET of register", head: "GET /register HTTP/1.1\nHost: {host}"}, http.StatusMethodNotAllowed, ""},
	{wireRequest{client: "PUT of update", head: "PUT /update HTTP/1.1\nHost: {host}\nContent-Length: 0"}, http.StatusMethodNotAllowed, ""},
	{wireRequest{client: "a path that is none", head: "GET /nothing HTTP/1.1\nHost: {host}"}, http.StatusNotFound, ""},
}

const anonymousHead = `POST /update HTTP/1.1
Host: {host}
Content-Length: {length}`

func TestRefusalsOnTheWire(t *testing.T) {
	s := startService(t, plainHTTP)
	for _, c := range refusals {
		t.Run(c.client, func(t *testing.T) {
			a, value := s.register(t), newValue()
			answer := s.send(t, c.fill(a, value))
			answer.must(t, c.status)
			if c.code != "" {
				answer.mustBe(t, c.status, errorBody(c.code))
			}
			mustServeNothing(t, s.dns, a.FullDomain)
		})
	}
}

// TestAllowFromHolds registers for another network and updates from here.
func TestAllowFromHolds(t *testing.T) {
	s := startService(t, plainHTTP)
	for _, list := range []struct {
		allowFrom string
		status    int
	}{
		{`["192.0.2.0/24"]`, http.StatusUnauthorized},
		{`["192.0.2.0/24", "127.0.0.1"]`, http.StatusOK},
	} {
		answer := s.send(t, wireRequest{head: registerHead, body: `{"allowfrom": ` + list.allowFrom + `}`})
		answer.must(t, http.StatusCreated)
		a := parseAccount(t, []byte(answer.body))
		s.send(t, wireRequest{head: updateHead, body: `{"subdomain":"{sub}","txt":"{txt}"}`}.fill(a, newValue())).must(t, list.status)
	}
}

// mustServeNothing fails unless the name is there, without a value: a client that
// looks too early must not be told that there is no such name.
func mustServeNothing(t *testing.T, server, name string) {
	t.Helper()
	values, err := texts(server, name)
	if err != nil {
		t.Fatal(err)
	}
	if len(values) > 0 {
		t.Fatalf("%s has the values %q", name, values)
	}
}
