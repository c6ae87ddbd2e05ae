package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/acmezone/acmezone/internal/api"
	"github.com/acmezone/acmezone/internal/limit"
	"github.com/acmezone/acmezone/internal/logtest"
	"github.com/acmezone/acmezone/internal/publish"
	"github.com/acmezone/acmezone/internal/store"
	"github.com/acmezone/acmezone/internal/zone"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var challenge = strings.Repeat("aZ0-_", 8) + "abc"

// nameserver is a publisher that a test can break.
type nameserver struct {
	mu   sync.Mutex
	fail error
}

func (n *nameserver) Name() string { return "dns" }

func (n *nameserver) Publish(context.Context, *zone.Snapshot) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.fail
}

func (n *nameserver) setFail(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fail = err
}

// bed is the API on a real listener, with the real pipeline and database.
type bed struct {
	t       *testing.T
	addr    string
	network func(ctx context.Context, network, addr string) (net.Conn, error) // that leads to addr
	dir     string                                                            // of the database
	db      *store.Store
	changes *publish.Pipeline
	ns      *nameserver
	log     *logtest.Buffer
	http    *http.Client
	opts    api.Options
	handler *api.Handler
	places  *limit.Connections
	between atomic.Int64 // calls of ServeOptions.Between
	timeout atomic.Int64 // publish.timeout of now, in nanoseconds
	stop    func()       // ends the HTTP server, and waits for that
}

// enough is how long anything may take on a busy machine.
const enough = time.Minute

var loopbackNets = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

func start(t *testing.T, change func(*api.Options)) *bed {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return startOn(t, l, &http.Transport{}, change)
}

func startOn(t *testing.T, l net.Listener, transport *http.Transport, change func(*api.Options)) *bed {
	t.Helper()
	b := &bed{t: t, dir: t.TempDir(), ns: &nameserver{}, log: &logtest.Buffer{}, http: &http.Client{Transport: transport}, addr: l.Addr().String()}
	if b.network = transport.DialContext; b.network == nil {
		b.network = new(net.Dialer).DialContext
	}
	log := slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	def, err := zone.Define(zone.Spec{Name: "auth.test", TTL: time.Hour, ChallengeTTL: time.Second, NegativeTTL: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	b.db, err = store.Open(t.Context(), store.Options{
		Path: filepath.Join(b.dir, "acmezone.db"), Zone: def.Name(), Policy: zone.SerialUnixTime, MaxValues: 6, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	b.changes = publish.New(publish.Options{Store: b.db, Publishers: []publish.Publisher{b.ns}, Timeout: enough, Log: log})
	opts := api.Options{
		Definition: def, Changes: b.changes, Accounts: b.db, Registration: api.RegistrationRestricted,
		RegisterFrom: loopbackNets, Timeout: enough, Log: log,
		Limits: api.Limits{RefusalTime: time.Microsecond}, // there are many refusals here
	}
	if change != nil {
		change(&opts)
	}
	b.opts, b.handler = opts, api.New(opts)
	proxies := func() api.Proxies { return opts.Proxies }
	b.places = api.NewConnections(512, 256, proxies)
	stopPipeline := background(t, b.changes.Run)
	<-b.changes.Ready()
	stopHTTP := background(t, func(ctx context.Context) error {
		return api.Serve(ctx, []net.Listener{l}, b.handler, api.ServeOptions{
			Timeout: enough, Log: log, Proxies: proxies, Connections: b.places,
			Between:    func() { b.between.Add(1) },
			TimeoutNow: func() time.Duration { return time.Duration(b.timeout.Load()) },
		})
	})
	b.stop = sync.OnceFunc(func() {
		b.http.CloseIdleConnections()
		stopHTTP()
	})
	t.Cleanup(func() {
		b.stop()
		stopPipeline()
		if err := b.db.Close(); err != nil {
			t.Error(err)
		}
	})
	<-b.changes.Ready() // before that it isn't healthy
	return b
}

func background(t *testing.T, run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request with headers given as "Name: value".
func (b *bed) ask(method, path, body string, headers ...string) answer {
	b.t.Helper()
	request, err := http.NewRequest(method, "http://"+b.addr+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		request.Header.Set(name, value)
	}
	response, err := b.http.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(content)}
}

type credentials struct{ Username, Password, FullDomain, Subdomain string }

func (b *bed) register(body string) credentials {
	b.t.Helper()
	a := b.ask("POST", "/register", body)
	var c credentials
	if err := json.Unmarshal([]byte(a.body), &c); err != nil || a.status != 201 {
		b.t.Fatalf("%d %s, %v", a.status, a.body, err)
	}
	return c
}

func (b *bed) update(c credentials, body string) answer {
	b.t.Helper()
	return b.ask("POST", "/update", body, "X-Api-User: "+c.Username, "X-Api-Key: "+c.Password)
}

func txt(c credentials) string {
	return fmt.Sprintf(`{"subdomain": "%s", "txt": "%s"}`, c.Subdomain, challenge)
}

func (b *bed) want(what string, a answer, status int, body string) {
	b.t.Helper()
	if a.status != status || a.body != body {
		b.t.Errorf("%s: %d %s\n  want %d %s", what, a.status, a.body, status, body)
	}
	if body != "" && a.header.Get("Content-Type") != "application/json" {
		b.t.Errorf("%s: Content-Type %q", what, a.header.Get("Content-Type"))
	}
}

func TestRegisterAnswersByteForByte(t *testing.T) {
	b := start(t, nil)
	const uuid = `[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`
	for _, c := range []struct{ body, allowfrom string }{
		{"", `\[\]`}, {"null\n", `\[\]`}, {"{}", `\[\]`}, {" \r\n", `\[\]`}, {`{"allowfrom":null}`, `\[\]`}, {`{"allowfrom":[]}`, `\[\]`},
		{`{"allowfrom":["192.0.2.0/24"," 198.51.100.7","","[2001:db8::]/32"]}`, `\["192.0.2.0/24","198.51.100.7/32","2001:db8::/32"\]`},
		{`{"AllowFrom":["192.0.2.0/24"],"other":1}`, `\["192.0.2.0/24"\]`},
	} {
		a := b.ask("POST", "/register", c.body, "Content-Type: text/plain")
		form := regexp.MustCompile(`^\{"username":"` + uuid + `","password":"[A-Za-z0-9_-]{40}","fulldomain":"` + uuid +
			`\.auth\.test","subdomain":"` + uuid + `","allowfrom":` + c.allowfrom + `\}$`)
		if a.status != 201 || !form.MatchString(a.body) || a.header.Get("Content-Type") != "application/json" {
			t.Errorf("%q: %d %s %v", c.body, a.status, a.body, a.header)
		}
	}
}

func TestRegisterRefuses(t *testing.T) {
	b := start(t, nil)
	for body, want := range map[string]string{
		`{"allowfrom":`:                   `{"error": "malformed_json_payload"}`,
		`[]`:                              `{"error": "malformed_json_payload"}`,
		`"x"`:                             `{"error": "malformed_json_payload"}`,
		`{"allowfrom":"192.0.2.0/24"}`:    `{"error": "malformed_json_payload"}`,
		`{"allowfrom":[1]}`:               `{"error": "malformed_json_payload"}`,
		`{} {}`:                           `{"error": "malformed_json_payload"}`,
		`{"allowfrom":["nonsense"]}`:      `{"error": "invalid_allowfrom_cidr"}`,
		`{"allowfrom":["192.0.2.0/240"]}`: `{"error": "invalid_allowfrom_cidr"}`,
	} {
		b.want(body, b.ask("POST", "/register", body), 400, want)
	}
}

func TestUpdateAnswersByteForByte(t *testing.T) {
	b := start(t, nil)
	c := b.register("")
	ok := `{"txt": "` + challenge + `"}`
	for what, body := range map[string]string{
		"plain":       txt(c),
		"capitalised": fmt.Sprintf(`{"SubDomain":"%s","Txt":"%s"}`, c.Subdomain, challenge),
		"upper case":  fmt.Sprintf(`{"subdomain":"%s","txt":"%s"}`, strings.ToUpper(c.Subdomain), challenge),
	} {
		b.want(what, b.update(c, body), 200, ok)
	}
	for _, path := range []string{"//update", "/update/", "//update//", "/acmezone_sometoken/update"} {
		b.want(path, b.ask("POST", path, txt(c), "X-Api-User: "+c.Username, "X-Api-Key: "+c.Password,
			"Content-Type: application/x-www-form-urlencoded", "Authorization: Basic Og=="), 200, ok)
	}
}

func TestUpdateRefuses(t *testing.T) {
	b := start(t, nil)
	c, other := b.register(""), b.register("")
	elsewhere := b.register(`{"allowfrom":["192.0.2.0/24"]}`)
	forbidden, badTXT := `{"error": "forbidden"}`, `{"error": "bad_txt"}`
	wrong := c
	wrong.Password = other.Password
	unknown := c
	unknown.Username = "00000000-0000-4000-8000-000000000000"
	short := c
	short.Password = ""
	for _, x := range []struct {
		what   string
		a      answer
		status int
		body   string
	}{
		{"wrong password", b.update(wrong, txt(c)), 401, forbidden},
		{"unknown user", b.update(unknown, txt(c)), 401, forbidden},
		{"no password", b.update(short, txt(c)), 401, forbidden},
		{"no headers", b.ask("POST", "/update", txt(c)), 401, forbidden},
		{"user is no UUID", b.update(credentials{Username: "x' OR 1=1", Password: c.Password}, txt(c)), 401, forbidden},
		{"another's subdomain", b.update(c, txt(other)), 401, forbidden},
		{"no subdomain", b.update(c, `{"txt":"`+challenge+`"}`), 401, forbidden},
		{"address not allowed", b.update(elsewhere, txt(elsewhere)), 401, forbidden},
		{"no JSON", b.update(c, "txt="+challenge), 401, forbidden},
		{"empty body", b.update(c, ""), 401, forbidden},
		{"null", b.update(c, "null"), 401, forbidden},
		{"number", b.update(c, `{"subdomain": 1}`), 401, forbidden},
		{"no value", b.update(c, `{"subdomain": "`+c.Subdomain+`"}`), 400, badTXT},
		{"too short", b.update(c, strings.Replace(txt(c), challenge, challenge[1:], 1)), 400, badTXT},
		{"too long", b.update(c, strings.Replace(txt(c), challenge, challenge+"a", 1)), 400, badTXT},
		{"alphabet", b.update(c, strings.Replace(txt(c), challenge, challenge[1:]+"=", 1)), 400, badTXT},
	} {
		b.want(x.what, x.a, x.status, x.body)
	}
}

func TestOtherPathsAndMethods(t *testing.T) {
	b := start(t, nil)
	for _, c := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/health", 200, ""},
		{"HEAD", "/health", 200, ""},
		{"GET", "/", 404, `{"error": "not_found"}`},
		{"POST", "/register/more", 404, `{"error": "not_found"}`},
		{"GET", "/register", 405, `{"error": "method_not_allowed"}`},
		{"PUT", "/update", 405, `{"error": "method_not_allowed"}`},
		{"POST", "/health", 405, `{"error": "method_not_allowed"}`},
		{"BREW", "/update", 405, `{"error": "method_not_allowed"}`},
	} {
		a := b.ask(c.method, c.path, "")
		b.want(c.method+" "+c.path, a, c.status, c.body)
		if c.status == 405 && a.header.Get("Allow") == "" {
			t.Errorf("%s %s: no Allow", c.method, c.path)
		}
	}
}

func TestPathPrefix(t *testing.T) {
	b := start(t, func(o *api.Options) { o.PathPrefix = "/acme/dns" })
	for path, status := range map[string]int{
		"/acme/dns/register": 201, "/acme//dns//register/": 201, "/acme/dns/acmezone_x/register": 201,
		"/register": 404, "/acme/register": 404, "/acmezone_x/register": 404,
	} {
		if a := b.ask("POST", path, ""); a.status != status {
			t.Errorf("%s: %d, want %d", path, a.status, status)
		}
	}
	for _, path := range []string{"/health", "/acme/dns/health"} {
		b.want(path, b.ask("GET", path, ""), 200, "")
	}
}

func TestWhoMayRegister(t *testing.T) {
	nowhere := func(o *api.Options) { o.RegisterFrom = nil }
	forbidden := `{"error": "registration_forbidden"}`
	t.Run("restricted, from elsewhere", func(t *testing.T) {
		b := start(t, nowhere)
		b.want("no token", b.ask("POST", "/register", ""), 403, forbidden)
		b.want("unknown token", b.ask("POST", "/acmezone_unknown/register", ""), 403, forbidden)
		b.want("X-Forwarded-For", b.ask("POST", "/register", "", "X-Forwarded-For: 127.0.0.1"), 403, forbidden)
	})
	t.Run("closed", func(t *testing.T) {
		b := start(t, func(o *api.Options) { o.Registration = api.RegistrationClosed })
		b.want("closed", b.ask("POST", "/register", ""), 403, `{"error": "registration_closed"}`)
	})
	t.Run("open, junk in Authorization", func(t *testing.T) {
		b := start(t, func(o *api.Options) { o.RegisterFrom, o.Registration = nil, api.RegistrationOpen })
		for _, junk := range []string{"Basic", "Basic Og==", "Bearer acmezone_unknown", "\xff"} {
			if a := b.ask("POST", "/register", "", "Authorization: "+junk); a.status != 201 {
				t.Errorf("%q: %d %s", junk, a.status, a.body)
			}
		}
	})
	t.Run("every way to give a token", func(t *testing.T) {
		b := start(t, nowhere)
		token := b.token(zone.Token{ID: "t", Uses: 5})
		for _, a := range []answer{
			b.ask("POST", "/"+token+"/register", ""),
			b.ask("POST", "/register", "", "Authorization: Bearer "+token),
			b.ask("POST", "/register", "", "Authorization: bearer "+token),
			b.ask("POST", "/register", "", basic(token, "")),
			b.ask("POST", "/register", "", basic("anyone", token)),
		} {
			if a.status != 201 {
				t.Errorf("%d %s", a.status, a.body)
			}
		}
		b.want("used up", b.ask("POST", "/"+token+"/register", ""), 403, forbidden)
		if strings.Contains(b.log.String(), token) {
			t.Error("the token is in the log")
		}
	})
}

// do makes an operator's changes.
func (b *bed) do(changes ...zone.Change) {
	b.t.Helper()
	for _, c := range changes {
		if err := b.changes.Commit(b.t.Context(), c); err != nil {
			b.t.Fatalf("%T: %v", c, err)
		}
	}
}

// token makes a token and returns its text.
func (b *bed) token(token zone.Token) string {
	b.t.Helper()
	text := zone.NewToken()
	token.Secret = zone.SecretOf(text)
	b.do(zone.CreateToken{Token: token})
	return text
}

// basic is the header of basic authentication.
func basic(user, password string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password)
	return "Authorization: " + r.Header.Get("Authorization")
}

func bearer(token string) string { return "Authorization: Bearer " + token }

func TestLogNamesWhoButNoSecret(t *testing.T) {
	b := start(t, nil)
	c := b.register("")
	b.update(c, txt(c))
	wrong := c
	wrong.Password = "not-the-password-but-a-secret-all-the-same"
	b.update(wrong, txt(c))
	log := b.log.String()
	for _, part := range []string{"msg=register", "msg=update", "client=127.0.0.1", "account=" + c.Username, "msg=\"update refused\"", "wrong password"} {
		if !strings.Contains(log, part) {
			t.Errorf("%q is missing from the log:\n%s", part, log)
		}
	}
	for _, secret := range []string{c.Password, wrong.Password} {
		if strings.Contains(log, secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
}

func TestNotPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startTimeless(t, nil, nil)
		c := b.register("")
		b.ns.setFail(errors.New("the name server is down"))
		a := b.update(c, txt(c))
		b.want("down", a, 503, `{"error": "not_published"}`)
		if a.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		b.ns.setFail(nil)
		b.want("again", b.update(c, txt(c)), 200, `{"txt": "`+challenge+`"}`)
	})
}

func TestBodyLimit(t *testing.T) {
	b := start(t, nil)
	c := b.register("")
	big := strings.Repeat(" ", 16<<10) + txt(c)
	b.want("announced", b.update(c, big), 413, `{"error": "body_too_large"}`)
	b.want("register", b.ask("POST", "/register", big), 413, `{"error": "body_too_large"}`)
	a := b.raw("POST /register HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1000\r\n"+strings.Repeat(" ", 0x1000)+"\r\n", 5))
	if !strings.HasPrefix(a, "HTTP/1.1 413 ") {
		t.Errorf("chunked: %q", a)
	}
}

// raw sends bytes as they are and returns what comes back until the end or until
// an answer is complete.
func (b *bed) raw(request string) string {
	b.t.Helper()
	conn := b.dial()
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(enough)); err != nil {
		b.t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		b.t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return fmt.Sprintf("%s %s %s", response.Proto, response.Status, body)
}

func TestRequestsAsTheyAreOnTheWire(t *testing.T) {
	b := start(t, nil)
	if a := b.raw("POST /register HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n"); !strings.HasPrefix(a, "HTTP/1.1 201 Created {\"username\"") {
		t.Errorf("acme.sh, without a length: %q", a)
	}
	if a := b.raw("POST /register HTTP/1.0\r\n\r\n"); !strings.HasPrefix(a, "HTTP/1.0 201") {
		t.Errorf("HTTP/1.0: %q", a)
	}
	if a := b.raw("POST /register HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}"); !strings.Contains(a, "100 Continue") {
		t.Errorf("Expect: %q", a)
	}
}

func TestUnencryptedHTTP2(t *testing.T) {
	b := start(t, nil)
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	b.http.Transport = transport
	if a := b.ask("POST", "/register", ""); a.status != 201 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestCORS(t *testing.T) {
	preflight := []string{"Origin: https://panel.example", "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: x-api-key,x-api-user"}
	b := start(t, nil)
	if a := b.ask("OPTIONS", "/update", "", preflight...); a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("an origin is allowed by default")
	}
	b = start(t, func(o *api.Options) { o.CORSOrigins = []string{"https://panel.example"} })
	if a := b.ask("OPTIONS", "/update", "", preflight...); a.header.Get("Access-Control-Allow-Origin") != "https://panel.example" {
		t.Errorf("%d %v", a.status, a.header)
	}
	if a := b.ask("OPTIONS", "/update", "", "Origin: https://evil.example", "Access-Control-Request-Method: POST"); a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("a foreign origin is allowed")
	}
}

func TestAllowedAddress(t *testing.T) {
	b := start(t, nil)
	c := b.register(`{"allowfrom":["127.0.0.1"]}`)
	b.want("allowed", b.update(c, txt(c)), 200, `{"txt": "`+challenge+`"}`)
}

// TestSlowSender takes as long as a sender may take.
func TestSlowSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startTimeless(t, nil, nil)
		began := time.Now()
		a := b.raw("POST /register HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
		if took := time.Since(began); !strings.HasPrefix(a, "HTTP/1.1 408 ") || !strings.Contains(a, `{"error": "request_timeout"}`) || took > 20*time.Second {
			t.Errorf("after %v: %q", took, a)
		}
	})
}
