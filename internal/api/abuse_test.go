package api_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/api"
)

// all sends bytes, says that no more will come, and returns every answer's status and
// body until the connection ends.
func (b *bed) all(request string) string {
	b.t.Helper()
	conn, err := net.Dial("tcp", b.addr)
	if err != nil {
		b.t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(enough)); err != nil {
		b.t.Fatal(err)
	}
	_, _ = io.WriteString(conn, request) // it may be cut off, which shows below
	_ = conn.(*net.TCPConn).CloseWrite()
	text, _ := io.ReadAll(conn)
	return string(text)
}

func TestMalformedRequests(t *testing.T) {
	b := start(t, nil)
	c := b.register("")
	credentials := "X-Api-User: " + c.Username + "\r\nX-Api-Key: " + c.Password + "\r\n"
	many := strings.Repeat("X-A: b\r\n", 4000)
	post := "POST /register HTTP/1.1\r\nHost: x\r\n"
	smuggled := "POST /update HTTP/1.1\r\nHost: x\r\n" + credentials + "Content-Length: 0\r\n\r\n"
	for what, x := range map[string]struct{ text, want string }{
		"a huge header":            {post + "X-A: " + strings.Repeat("a", 1<<20) + "\r\n\r\n", "HTTP/1.1 431 "},
		"many headers":             {post + many + "\r\n", "HTTP/1.1 431 "},
		"a huge path":              {"GET /" + strings.Repeat("a", 1<<20) + " HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 431 "},
		"a huge method":            {strings.Repeat("A", 1<<20), "HTTP/1.1 431 "},
		"NUL in a header":          {post + "X-A: a\x00b\r\n\r\n", "HTTP/1.1 400 "},
		"NUL in a header's name":   {post + "X-\x00: b\r\n\r\n", "HTTP/1.1 400 "},
		"NUL in the path":          {"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 "},
		"a folded header":          {post + "X-A: a\r\n b\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 201 "},
		"a blank before the colon": {post + "Content-Length : 0\r\n\r\n", "HTTP/1.1 400 "},
		"no host":                  {"GET /health HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
		"two hosts":                {"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400 "},
		"two lengths":              {post + "Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 400 "},
		"a list of lengths":        {post + "Content-Length: 0, 5\r\n\r\nhello", "HTTP/1.1 400 "},
		"a negative length":        {post + "Content-Length: -1\r\n\r\n", "HTTP/1.1 400 "},
		"a signed length":          {post + "Content-Length: +5\r\n\r\nhello", "HTTP/1.1 400 "},
		"a length without bound":   {post + "Content-Length: 99999999999999999999\r\n\r\n", "HTTP/1.1 400 "},
		"an unknown encoding":      {post + "Transfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 501 "},
		"an encoding twice":        {post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 501 "},
		"an odd encoding":          {post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 501 "},
		"a chunk of odd size":      {post + "Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n", "HTTP/1.1 400 "},
		"a chunk too long":         {post + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", "HTTP/1.1 400 "},
		"chunks that end":          {post + "Transfer-Encoding: chunked\r\n\r\n2\r\n{", "HTTP/1.1 400 "},
		"a long chunk extension":   {post + "Transfer-Encoding: chunked\r\n\r\n2;" + strings.Repeat("a", 1<<16) + "\r\n{}\r\n0\r\n\r\n", "HTTP/1.1 400 "},
		"endless chunks of one":    {post + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1\r\n \r\n", 1<<15), "HTTP/1.1 4"},
		"a length and chunks":      {post + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled, "HTTP/1.1 "},
		"HTTP/1.0 with chunks":     {"POST /register HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled, "HTTP/1."},
		"HTTP/0.9":                 {"GET /health\r\n\r\n", "HTTP/1.1 400 "},
		"HTTP/3.0":                 {"GET /health HTTP/3.0\r\nHost: x\r\n\r\n", "HTTP/1.1 505 "},
		"TLS":                      {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 500), "HTTP/1.1 400 "},
		"CONNECT":                  {"CONNECT 192.0.2.1:25 HTTP/1.1\r\nHost: 192.0.2.1:25\r\n\r\n", "HTTP/1.1 404 "},
		"a proxy's request":        {"GET http://192.0.2.1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 "},
		"TRACE":                    {"TRACE /update HTTP/1.1\r\nHost: x\r\n" + credentials + "\r\n", "HTTP/1.1 405 "},
		"a path upwards":           {"GET /x/../health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 404 "},
		"a path in percent":        {"GET /%2e%2e/%2fhealth%00 HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 "},
		"an upgrade":               {"GET /health HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", "HTTP/1.1 200 "},
	} {
		got := b.all(x.text)
		if !strings.HasPrefix(got, x.want) {
			t.Errorf("%s: %.200q", what, got)
		}
		if strings.Contains(got, c.Password) {
			t.Errorf("%s: the password comes back", what)
		}
		if strings.Contains(what, "length and chunks") || strings.Contains(what, "1.0 with") {
			if n := strings.Count(got, "HTTP/1."); n != 1 {
				t.Errorf("%s: %d answers: %q", what, n, got)
			}
		}
	}
	b.wantUpdate("afterwards", c, 200)
}

// TestClientsThatCloseTheirHalf of the connection have said all there is to say, and are
// answered as others are, in the same time. That is no fault of the database's, and tells
// nobody how long a login takes to check.
func TestClientsThatCloseTheirHalf(t *testing.T) {
	const held = 300 * time.Millisecond
	b := start(t, func(o *api.Options) { o.RegisterFrom, o.Limits.RefusalTime = nil, held })
	token := "Authorization: Bearer acmezone_" + strings.Repeat("a", 40) + "\r\n"
	for request, want := range map[string]string{
		"POST /register HTTP/1.1\r\nHost: x\r\n" + token + "Content-Length: 0\r\n\r\n": "HTTP/1.1 403 ",
		"GET /storage/example.org HTTP/1.1\r\nHost: x\r\n" + token + "\r\n":            "HTTP/1.1 401 ",
		"GET /storage HTTP/1.1\r\nHost: x\r\n" + token + "\r\n":                        "HTTP/1.1 401 ",
		"GET /health HTTP/1.1\r\nHost: x\r\n\r\n":                                      "HTTP/1.1 200 ",
	} {
		for range 50 {
			if got := b.all(request); !strings.HasPrefix(got, want) {
				t.Fatalf("%q: %q", request, got)
			}
		}
	}
	if log := b.log.String(); strings.Contains(log, "level=ERROR") {
		t.Errorf("errors in the log: %s", log)
	}
	began := time.Now()
	got := b.all(updateText(credentials{Username: "00000000-0000-4000-8000-00000000ffff", Password: "x"}))
	if took := time.Since(began); !strings.HasPrefix(got, "HTTP/1.1 401 ") || took < held {
		t.Errorf("a refusal that takes %v: %v, %.20q", held, took, got)
	}
}

func TestOddBodies(t *testing.T) {
	b := start(t, nil)
	c := b.register("")
	const malformed = `{"error": "malformed_json_payload"}`
	for what, x := range map[string]struct {
		body   string
		status int
	}{
		"deep lists":         {`{"allowfrom":` + strings.Repeat("[", 16000), 400},
		"deep objects":       {strings.Repeat(`{"a":`, 3000), 400},
		"deep, and complete": {`{"a":` + strings.Repeat("[", 8000) + strings.Repeat("]", 8000) + `}`, 201},
		"bad UTF-8":          {"{\"allowfrom\":[\"\xff\xfe\"]}", 400},
		"bad UTF-8 aside":    {"{\"other\":\"\xff\xfe\"}", 201},
		"NUL":                {"{\"allowfrom\":[\"\x00\"]}", 400},
		"NUL, escaped":       {`{"allowfrom":["\u0000"]}`, 400},
		"UTF-16":             {"\xff\xfe{\x00}\x00", 400},
		"a mark":             {"\xef\xbb\xbf{}", 400},
		"a huge number":      {`{"allowfrom":` + strings.Repeat("9", 10000) + `}`, 400},
		"a key twice":        {`{"allowfrom":["10.0.0.1"],"allowfrom":["10.0.0.2"]}`, 201},
		"many networks":      {`{"allowfrom":["10.0.0.1"` + strings.Repeat(`,"10.0.0.1"`, 1000) + `]}`, 201},
	} {
		a := b.ask("POST", "/register", x.body)
		if a.status != x.status || a.status == 400 && a.body != malformed && a.body != `{"error": "invalid_allowfrom_cidr"}` {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
		if x.status == 400 { // at /update, anything that isn't read is a stranger's
			b.want(what, b.update(c, x.body), 401, forbiddenBody)
		}
	}
	for what, value := range map[string]string{"NUL": `\u0000`, "bad UTF-8": "\xff", "a quote": `\"`, "another script": "ａ", "a line": `\n`} {
		text := strings.Replace(txt(c), challenge, value+challenge[1:], 1)
		b.want(what, b.update(c, text), 400, `{"error": "bad_txt"}`)
	}
}

// TestHeadersThatNameAnAccount: user names and passwords of every shape are wrong ones,
// and none of them reaches the log as it is.
func TestHeadersThatNameAnAccount(t *testing.T) {
	b := start(t, nil)
	c := b.register("")
	for _, user := range []string{
		c.Username + "\xff", "'; DROP TABLE accounts; --", strings.Repeat("a", 8000), "%00", "\xff\xfe", "{" + c.Username, c.Username + " " + c.Username,
		strings.ReplaceAll(c.Username, "-", "") + "0",
	} {
		b.want(user, b.update(credentials{Username: user, Password: c.Password}, txt(c)), 401, forbiddenBody)
	}
	for _, key := range []string{c.Password + "a", c.Password[1:], strings.ToUpper(c.Password) + "a", strings.Repeat("k", 8000), "\xff"} {
		b.want(key, b.update(credentials{Username: c.Username, Password: key}, txt(c)), 401, forbiddenBody)
	}
	for _, text := range []string{c.Password, "DROP TABLE", "kkkk"} {
		if strings.Contains(b.log.String(), text) {
			t.Errorf("%q is in the log", text)
		}
	}
}

// TestForeignSubdomains: the account's password is good for its own name alone, however
// the other's is written.
func TestForeignSubdomains(t *testing.T) {
	b := start(t, nil)
	c, other := b.register(""), b.register("")
	for _, name := range []string{
		other.Subdomain, other.FullDomain, other.Subdomain + ".", c.Subdomain + "." + other.Subdomain, other.Subdomain + "." + c.Subdomain,
		c.Subdomain + ".", " " + c.Subdomain, c.Subdomain + `\u0000`, "*", "@", "", "_acme-challenge", "ns", "auth.test", "auth.test.",
		strings.Repeat("a", 64), c.Subdomain + "," + other.Subdomain,
	} {
		b.want(name, b.update(c, fmt.Sprintf(`{"subdomain":"%s","txt":"%s"}`, name, challenge)), 401, forbiddenBody)
	}
	twice := fmt.Sprintf(`{"subdomain":"%s","Subdomain":"%s","txt":"%s"}`, c.Subdomain, other.Subdomain, challenge)
	b.want("twice", b.update(c, twice), 401, forbiddenBody)
}

func TestForeignOrigins(t *testing.T) {
	b := start(t, func(o *api.Options) { o.CORSOrigins = []string{"https://panel.example"} })
	for _, origin := range []string{
		"https://evil.example", "http://panel.example", "https://panel.example.evil.example", "https://panel.example:444", "null",
		"https://PANEL.example.", "https://xpanel.example", "https://panel.example/", "https://panel.example https://evil.example",
	} {
		for _, method := range []string{"OPTIONS", "POST", "GET"} {
			a := b.ask(method, "/update", "", "Origin: "+origin, "Access-Control-Request-Method: POST")
			if got := a.header.Get("Access-Control-Allow-Origin"); got != "" {
				t.Errorf("%s from %s: %s is allowed", method, origin, got)
			}
		}
	}
	a := b.ask("POST", "/update", "", "Origin: https://panel.example")
	if a.header.Get("Access-Control-Allow-Credentials") != "" || a.header.Get("Access-Control-Allow-Origin") != "https://panel.example" {
		t.Errorf("%v", a.header)
	}
}

// TestManyHeadersOverHTTP2 sends a list of headers that is small on the wire, where each
// is a reference to the one before, and large in memory.
func TestManyHeadersOverHTTP2(t *testing.T) {
	b := start(t, nil)
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	request, err := http.NewRequest("GET", "http://"+b.addr+"/health", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3000 {
		request.Header.Add("X-A", strings.Repeat("a", 100)+fmt.Sprint(i%2))
	}
	response, err := transport.RoundTrip(request)
	if err == nil {
		response.Body.Close()
		if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%d", response.StatusCode)
		}
	}
	b.want("afterwards", b.ask("GET", "/health", ""), 200, "")
}
