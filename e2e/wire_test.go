package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// wireRequest is a request as a client puts it on the wire. In head, the request
// line and the headers, and in body, {user}, {key}, {sub} and {txt} stand for the
// account and the value, {host} for the service and {length} for the body's length.
type wireRequest struct {
	client string
	head   string // a line each
	body   string
}

// wireAnswer is what came back, the body as it is.
type wireAnswer struct {
	status int
	header http.Header
	body   string
}

// send writes the request to a connection of its own and reads the answer.
func (s *service) send(t *testing.T, r wireRequest) wireAnswer {
	t.Helper()
	conn, err := net.DialTimeout("tcp", s.host, startTime)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(startTime)); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(conn)
	head := strings.NewReplacer("{host}", s.host, "{length}", strconv.Itoa(len(r.body))).Replace(r.head)
	write(t, conn, strings.ReplaceAll(head, "\n", "\r\n")+"\r\n\r\n")
	if strings.Contains(head, "Expect: 100-continue") {
		// The client keeps its body back until it is told to go on.
		if a := read(t, answers); a.status != http.StatusContinue {
			t.Fatalf("Expect: 100-continue is answered %d %s", a.status, a.body)
		}
	}
	write(t, conn, r.body)
	return read(t, answers)
}

func write(t *testing.T, w io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, r *bufio.Reader) wireAnswer {
	t.Helper()
	resp, err := http.ReadResponse(r, &http.Request{Method: http.MethodPost})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return wireAnswer{status: resp.StatusCode, header: resp.Header, body: string(body)}
}

// fill puts an account and a value into a request.
func (r wireRequest) fill(a account, value string) wireRequest {
	values := strings.NewReplacer("{user}", a.Username, "{key}", a.Password, "{sub}", a.Subdomain, "{txt}", value)
	r.head, r.body = values.Replace(r.head), values.Replace(r.body)
	return r
}

// must fails unless the answer has the status and is one line of JSON.
func (a wireAnswer) must(t *testing.T, status int) {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, not %d: %s", a.status, status, a.body)
	}
	if kind := a.header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("Content-Type is %q", kind)
	}
	if !json.Valid([]byte(a.body)) || strings.ContainsAny(a.body, "\r\n") {
		t.Errorf("the body is not one line of JSON: %q", a.body)
	}
}

// mustBe fails unless the answer has the status and exactly this body.
func (a wireAnswer) mustBe(t *testing.T, status int, body string) {
	t.Helper()
	a.must(t, status)
	if a.body != body {
		t.Errorf("the body is %q, not %q", a.body, body)
	}
}

func errorBody(code string) string { return fmt.Sprintf(`{"error": %q}`, code) }
