package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/acmezone/acmezone/internal/api"
	"github.com/acmezone/acmezone/internal/audit"
	"github.com/acmezone/acmezone/internal/zone"
)

const forbiddenBody = `{"error": "forbidden"}`

// tenant is somebody with a token and the account that was registered with it.
type tenant struct {
	token string // its text
	credentials
}

// tenant makes a token for the patterns and registers with it.
func (b *bed) tenant(id string, patterns ...string) tenant {
	b.t.Helper()
	t := tenant{token: b.token(zone.Token{ID: id, Uses: -1, Domains: patterns})}
	t.credentials = b.registerWith(t.token)
	return t
}

func (b *bed) registerWith(token string) credentials {
	b.t.Helper()
	a := b.ask("POST", "/register", "", bearer(token))
	var c credentials
	if err := json.Unmarshal([]byte(a.body), &c); err != nil || a.status != 201 {
		b.t.Fatalf("%d %s, %v", a.status, a.body, err)
	}
	return c
}

// claim is the body with which lego stores an account.
func claim(c credentials) string {
	return fmt.Sprintf(`{"fulldomain":%q,"subdomain":%q,"username":%q,"password":%q,"server_url":"https://auth.test"}`,
		c.FullDomain, c.Subdomain, c.Username, c.Password) + "\n"
}

func (b *bed) store(token, domain string, c credentials) answer {
	b.t.Helper()
	return b.ask("POST", "/storage/"+domain, claim(c), bearer(token))
}

func (b *bed) mustStore(token, domain string, c credentials) {
	b.t.Helper()
	b.want("storing "+domain, b.store(token, domain, c), 200,
		fmt.Sprintf(`{"domain":%q,"target":%q,"attached":false}`, domain, c.FullDomain))
}

// read returns the account of a domain as the token's client sees it.
func (b *bed) read(token, domain string) credentials {
	b.t.Helper()
	a := b.ask("GET", "/storage/"+domain, "", bearer(token))
	var c credentials
	if err := json.Unmarshal([]byte(a.body), &c); err != nil || a.status != 200 {
		b.t.Fatalf("%s: %d %s, %v", domain, a.status, a.body, err)
	}
	return c
}

func (b *bed) list(token string) map[string]credentials {
	b.t.Helper()
	a := b.ask("GET", "/storage", "", bearer(token))
	var all map[string]credentials
	if err := json.Unmarshal([]byte(a.body), &all); err != nil || a.status != 200 {
		b.t.Fatalf("%d %s, %v", a.status, a.body, err)
	}
	return all
}

func (b *bed) wantUpdate(what string, c credentials, status int) {
	b.t.Helper()
	if a := b.update(c, txt(c)); a.status != status {
		b.t.Errorf("%s: an update is answered %d %s", what, a.status, a.body)
	}
}

func TestStoreGivesBackAnAccountWithAPasswordThatWorks(t *testing.T) {
	b := start(t, nil)
	c := b.tenant("t", "a.test")
	b.want("empty list", b.ask("GET", "/storage", "", bearer(c.token)), 200, "{}")
	b.want("before", b.ask("GET", "/storage/a.test", "", bearer(c.token)), 404, `{"error": "not_found"}`)
	b.mustStore(c.token, "a.test", c.credentials)
	got := b.read(c.token, "a.test")
	want := fmt.Sprintf(`{"fulldomain":%q,"subdomain":%q,"username":%q,"password":%q,"server_url":"http://%s"}`,
		c.FullDomain, c.Subdomain, c.Username, got.Password, b.addr)
	again := b.ask("GET", "/storage/a.test", "", bearer(c.token))
	b.want("again", again, 200, want)
	list := b.ask("GET", "/storage", "", bearer(c.token))
	b.want("list", list, 200, `{"a.test":`+want+`}`)
	for _, a := range []answer{again, list} {
		if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Content-Length") == "" {
			t.Errorf("%v", a.header)
		}
	}
	if len(got.Password) != 40 || got.Password == c.Password {
		t.Errorf("the password given out is %q, the account's %q", got.Password, c.Password)
	}
	b.wantUpdate("with the password given out", got, 200)
	b.wantUpdate("with the account's own", c.credentials, 200)
	b.notOnDisk(c.token, c.Password, got.Password)
}

// notOnDisk looks for secrets in every file of the database.
func (b *bed) notOnDisk(secrets ...string) {
	b.t.Helper()
	files, err := filepath.Glob(filepath.Join(b.dir, "*"))
	if err != nil || len(files) < 2 {
		b.t.Fatal(files, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, secret := range secrets {
			if bytes.Contains(content, []byte(secret)) {
				b.t.Errorf("%s holds the secret %q", file, secret)
			}
		}
	}
}

// waysToGive are how a token comes with a request: a first segment of its path, or a
// header.
var waysToGive = map[string]func(token string) (segment, header string){
	"path":           func(token string) (string, string) { return "/" + token, "Accept: */*" },
	"bearer":         func(token string) (string, string) { return "", bearer(token) },
	"basic user":     func(token string) (string, string) { return "", basic(token, "") },
	"basic password": func(token string) (string, string) { return "", basic("lego", token) },
	"token twice":    func(token string) (string, string) { return "/" + token, basic("lego", "acmezone_other") },
}

func TestStoreTakesTheTokenEveryWayAndLogsItNever(t *testing.T) {
	b := start(t, nil)
	c := b.tenant("t", "*.test")
	var given []string
	i := 0
	for what, way := range waysToGive {
		segment, header := way(c.token)
		domain := fmt.Sprintf("way%d.test", i)
		i++
		if a := b.ask("POST", segment+"/storage/"+domain, claim(c.credentials), header); a.status != 200 {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
		one, all := b.ask("GET", segment+"/storage/"+domain, "", header), b.ask("GET", segment+"/storage/", "", header)
		if one.status != 200 || all.status != 200 || !strings.Contains(all.body, domain) {
			t.Errorf("%s: %d %s, %d %s", what, one.status, one.body, all.status, all.body)
		}
		var a credentials
		if err := json.Unmarshal([]byte(one.body), &a); err != nil {
			t.Fatal(err)
		}
		given = append(given, a.Password)
	}
	if len(slices.Compact(given)) != 1 {
		t.Errorf("the password depends on the way: %q", given)
	}
	// Where it doesn't belong.
	b.want("instead of a domain", b.ask("GET", "/storage/"+c.token, "", bearer(c.token)), 400, `{"error": "bad_domain"}`)
	b.want("instead of a domain", b.ask("GET", "/storage/"+strings.ToUpper(c.token), "", bearer(c.token)), 400, `{"error": "bad_domain"}`)
	b.ask("GET", "/storage/x."+c.token+".test", "", bearer(c.token))
	b.ask("GET", "/storage/"+c.token+"/a.test", "", bearer(c.token))
	b.ask("POST", "/storage/a.test", `{"username":"`+c.token+`","password":"`+c.token+`"}`, bearer(c.token))
	b.ask("PUT", "/"+c.token+"/storage/a.test", "", bearer(c.token))
	log := b.log.String()
	for _, secret := range []string{c.token, c.Password, given[0]} {
		if strings.Contains(strings.ToLower(log), strings.ToLower(secret)) {
			t.Errorf("%q is in the log:\n%s", secret, log)
		}
	}
	if !strings.Contains(log, "token=t") || !strings.Contains(log, "domain=way0.test") {
		t.Errorf("who and what is not in the log:\n%s", log)
	}
}

func TestStoreIsClosedWithoutAGoodToken(t *testing.T) {
	b := start(t, nil)
	good := b.tenant("good", "a.test")
	b.mustStore(good.token, "a.test", good.credentials)
	all := zone.Patterns{"*"}
	elsewhere, err := zone.ParseAllowList([]string{"192.0.2.0/24"})
	if err != nil {
		t.Fatal(err)
	}
	revoked := b.token(zone.Token{ID: "revoked", Uses: -1, Domains: all})
	b.do(zone.RevokeToken{ID: "revoked"})
	for what, header := range map[string]string{
		"none":              "Accept: */*",
		"unknown":           bearer(zone.NewToken()),
		"its ID":            bearer("good"),
		"no prefix":         bearer(strings.TrimPrefix(good.token, zone.TokenPrefix)),
		"a password":        basic(good.Username, good.Password),
		"expired":           bearer(b.token(zone.Token{ID: "expired", Uses: -1, Domains: all, Expires: time.Now().Add(-time.Minute)})),
		"revoked":           bearer(revoked),
		"another network's": bearer(b.token(zone.Token{ID: "elsewhere", Uses: -1, Domains: all, AllowFrom: elsewhere})),
	} {
		b.want(what, b.ask("GET", "/storage", "", header), 401, forbiddenBody)
		for _, domain := range []string{"a.test", "b.test", "no domain"} {
			path := "/storage/" + strings.ReplaceAll(domain, " ", "%20")
			b.want(what, b.ask("GET", path, "", header), 401, forbiddenBody)
			b.want(what, b.ask("POST", path, claim(good.credentials), header, "X-Forwarded-For: 192.0.2.1"), 401, forbiddenBody)
		}
	}
	nothing := b.token(zone.Token{ID: "nothing", Uses: -1})
	b.want("a token for no domain", b.ask("GET", "/storage/a.test", "", bearer(nothing)), 403, forbiddenBody)
	b.want("a token for no domain", b.store(nothing, "c.test", good.credentials), 403, forbiddenBody)
	b.want("a token for no domain", b.ask("GET", "/storage", "", bearer(nothing)), 200, "{}")
}

func TestUsedUpTokenReadsAndStores(t *testing.T) {
	b := start(t, func(o *api.Options) { o.RegisterFrom = nil })
	token := b.token(zone.Token{ID: "t", Uses: 1, Domains: zone.Patterns{"*"}})
	c := b.registerWith(token)
	b.want("used up", b.ask("POST", "/register", "", bearer(token)), 403, `{"error": "registration_forbidden"}`)
	b.mustStore(token, "a.test", c)
	b.wantUpdate("used up", b.read(token, "a.test"), 200)
}

func TestDomainInThePathHasManySpellings(t *testing.T) {
	b := start(t, func(o *api.Options) { o.PathPrefix = "/acme" })
	token := b.token(zone.Token{ID: "t", Uses: -1, Domains: zone.Patterns{"*"}})
	var c, idn credentials
	for _, into := range []*credentials{&c, &idn} {
		if err := json.Unmarshal([]byte(b.ask("POST", "/acme/register", "").body), into); err != nil {
			t.Fatal(err)
		}
	}
	for domain, c := range map[string]credentials{"a.test": c, "xn--mller-kva.test": idn} {
		if a := b.ask("POST", "/acme/storage/"+domain, claim(c), bearer(token)); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	for path, want := range map[string]string{
		"/acme/storage/a.test": c.Username, "/acme/storage/a.test/": c.Username, "//acme//storage//a.test//": c.Username,
		"/acme/storage/*.a.test": c.Username, "/acme/storage/%2A.a.test": c.Username, "/acme/storage/A.TEST": c.Username,
		"/acme/storage/a.test.": c.Username, "/acme/storage/a%2etest": c.Username, "/acme/%73torage/a.test": c.Username,
		"/acme/storage/a%E3%80%82test": c.Username, "/acme/storage/%20a.test": c.Username, "/acme/storage/a.test?x=y": c.Username,
		"/acme/storage/m%C3%BCller.test": idn.Username, "/acme/storage/*.M%C3%9CLLER.test.": idn.Username,
		"/acme/storage/xn--mller-kva.test": idn.Username, "/acme/storage/XN--MLLER-KVA.test": idn.Username,
	} {
		if a := b.ask("GET", path, "", bearer(token)); a.status != 200 || !strings.Contains(a.body, want) {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
		if a := b.ask("POST", path, claim(c), bearer(token)); a.status != 409 {
			t.Errorf("%s: stored twice: %d %s", path, a.status, a.body)
		}
	}
	for path, status := range map[string]int{
		"/acme/storage/a%2Ftest": 404, "/acme/storage/x/a.test": 404, "/acme/storage/a.test/x": 404, "/storage/a.test": 404, "/acme/storage/..%2fa.test": 404,
		"/acme/storage/test": 400, "/acme/storage/%2e": 400, "/acme/storage/%2e%2e": 400, "/acme/storage/*": 400, "/acme/storage/*.*.a.test": 400,
		"/acme/storage/_acme-challenge.a.test": 400, "/acme/storage/192.0.2.1": 400, "/acme/storage/a..test": 400, "/acme/storage/a%00.test": 400,
		"/acme/storage/a%252etest": 400, "/acme/storage/a.test%0a": 200, "/acme/storage/a%0a.test": 400, "/acme/storage/%FF.test": 400,
		"/acme/storage/auth.test": 400, "/acme/storage/www.auth.test": 400, "/acme/storage/" + strings.Repeat("a.", 120) + "test": 400,
	} {
		for _, method := range []string{"GET", "POST"} {
			want := status
			if method == "POST" && status == 200 {
				want = 409
			}
			if a := b.ask(method, path, claim(c), bearer(token)); a.status != want {
				t.Errorf("%s %s: %d %s, want %d", method, path, a.status, a.body, want)
			}
		}
	}
	if all := b.ask("GET", "/acme//storage/", "", bearer(token)); strings.Count(all.body, "username") != 2 || !strings.Contains(all.body, b.addr+"/acme\"") {
		t.Errorf("%s", all.body)
	}
}

func TestStoreHasNoOtherMethods(t *testing.T) {
	b := start(t, nil)
	c := b.tenant("t", "*")
	b.mustStore(c.token, "a.test", c.credentials)
	for path, allow := range map[string]string{"/storage": "GET", "/storage/": "GET", "/storage/a.test": "GET, POST", "/storage/b.test/": "GET, POST"} {
		for _, method := range []string{"HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW", "POST"} {
			if strings.Contains(allow, method) {
				continue
			}
			a := b.ask(method, path, claim(c.credentials), bearer(c.token))
			if a.status != 405 || a.header.Get("Allow") != allow {
				t.Errorf("%s %s: %d, Allow: %s", method, path, a.status, a.header.Get("Allow"))
			}
		}
	}
	if all := b.list(c.token); len(all) != 1 {
		t.Errorf("%v", all)
	}
}

func TestStoredAccountMustBeTheClients(t *testing.T) {
	b := start(t, nil)
	c, other := b.tenant("t", "*"), b.tenant("other", "*")
	foreign := b.register("")
	change := func(edit func(*credentials)) string {
		copied := c.credentials
		edit(&copied)
		return claim(copied)
	}
	badAccount, malformed := `{"error": "bad_account"}`, `{"error": "malformed_json_payload"}`
	for what, x := range map[string]struct {
		body   string
		status int
		answer string
	}{
		"empty":                      {"", 400, malformed},
		"null":                       {"null", 400, malformed},
		"a list":                     {"[]", 400, malformed},
		"two objects":                {claim(c.credentials) + claim(c.credentials), 400, malformed},
		"cut off":                    {claim(c.credentials)[:50], 400, malformed},
		"numbers":                    {`{"username": 1}`, 400, malformed},
		"bytes":                      {"\xff\x00{", 400, malformed},
		"no account":                 {"{}", 400, badAccount},
		"no password":                {change(func(c *credentials) { c.Password = "" }), 400, badAccount},
		"user name is no UUID":       {change(func(c *credentials) { c.Username = "x' OR 1=1" }), 400, badAccount},
		"unknown user":               {change(func(c *credentials) { c.Username = "00000000-0000-4000-8000-000000000000" }), 401, forbiddenBody},
		"wrong password":             {change(func(c *credentials) { c.Password = other.Password }), 401, forbiddenBody},
		"another's user name":        {change(func(c *credentials) { c.Username = other.Username }), 401, forbiddenBody},
		"another's subdomain":        {change(func(c *credentials) { c.Subdomain = other.Subdomain }), 400, badAccount},
		"another's full domain":      {change(func(c *credentials) { c.FullDomain = other.FullDomain }), 400, badAccount},
		"another zone":               {change(func(c *credentials) { c.FullDomain = c.Subdomain + ".evil.test" }), 400, badAccount},
		"no subdomain":               {change(func(c *credentials) { c.Subdomain = "" }), 400, badAccount},
		"another token's account":    {claim(other.credentials), 403, forbiddenBody},
		"17 KiB":                     {claim(c.credentials) + strings.Repeat(" ", 17<<10), 413, `{"error": "body_too_large"}`},
		"the account":                {claim(c.credentials), 200, ""},
		"with a dot at the end":      {change(func(c *credentials) { c.FullDomain += "." }), 200, ""},
		"in capitals":                {strings.Replace(strings.Replace(claim(c.credentials), "username", "UserName", 1), c.Subdomain+".auth", strings.ToUpper(c.Subdomain)+".AUTH", 1), 200, ""},
		"registered without a token": {claim(foreign), 200, ""},
	} {
		domain := strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' {
				return r
			}
			return -1
		}, strings.ToLower(what)) + ".test"
		a := b.ask("POST", "/storage/"+domain, x.body, bearer(c.token))
		if a.status != x.status || x.answer != "" && a.body != x.answer {
			t.Errorf("%s: %d %s, want %d %s", what, a.status, a.body, x.status, x.answer)
		}
		if _, stored := b.list(c.token)[domain]; stored != (x.status == 200) {
			t.Errorf("%s: stored: %t", what, stored)
		}
	}
	restricted := b.register(`{"allowfrom":["192.0.2.0/24"]}`)
	b.want("an account that may not be used from here", b.store(c.token, "x.test", restricted), 401, forbiddenBody)
}

func TestStoredDomainStaysWhereItIs(t *testing.T) {
	b := start(t, nil)
	c, rival := b.tenant("t", "*"), b.tenant("rival", "*")
	second := b.registerWith(c.token)
	b.mustStore(c.token, "a.test", c.credentials)
	b.do(zone.BindDomain{Domain: "operator.test", Username: second.Username})
	expiring := b.token(zone.Token{ID: "expiring", Uses: -1, Domains: zone.Patterns{"*"}, Expires: time.Now().Add(time.Hour)})
	b.mustStore(expiring, "revoked.test", b.registerWith(expiring))
	b.do(zone.RevokeToken{ID: "expiring"})
	bound := `{"error": "domain_bound"}`
	for what, a := range map[string]answer{
		"the same account again":      b.store(c.token, "a.test", c.credentials),
		"its wildcard":                b.store(c.token, "*.a.test", c.credentials),
		"another account":             b.store(c.token, "a.test", second),
		"another token":               b.store(rival.token, "a.test", rival.credentials),
		"what the operator has bound": b.store(c.token, "operator.test", c.credentials),
		"the same as the operator":    b.store(c.token, "operator.test", second),
		"a revoked token's":           b.store(c.token, "revoked.test", c.credentials),
	} {
		b.want(what, a, 409, bound)
	}
	if got := b.read(c.token, "a.test"); got.Username != c.Username {
		t.Errorf("%+v", got)
	}
	b.want("another's by read", b.ask("GET", "/storage/a.test", "", bearer(rival.token)), 403, forbiddenBody)
	b.do(zone.UnbindDomain{Domain: "a.test"})
	b.mustStore(rival.token, "a.test", rival.credentials)
}

func TestOfManyWhoStoreADomainAtOnceOneWins(t *testing.T) {
	b := start(t, nil)
	var tenants []tenant
	for i := range 8 {
		tenants = append(tenants, b.tenant(fmt.Sprint("t", i), "*"))
	}
	var mu sync.Mutex
	statuses := map[int]int{}
	var winner tenant
	var asking sync.WaitGroup
	for _, who := range tenants {
		for range 2 {
			asking.Go(func() {
				a := b.store(who.token, "a.test", who.credentials)
				mu.Lock()
				defer mu.Unlock()
				if statuses[a.status]++; a.status == 200 {
					winner = who
				}
			})
		}
	}
	asking.Wait()
	if statuses[200] != 1 || statuses[409] != 15 {
		t.Fatalf("%v", statuses)
	}
	if got := b.read(winner.token, "a.test"); got.Username != winner.Username {
		t.Errorf("%+v", got)
	}
}

func TestManyMayReadForTheFirstTimeAtOnce(t *testing.T) {
	b := start(t, nil)
	c := b.tenant("t", "*")
	b.mustStore(c.token, "a.test", c.credentials)
	b.mustStore(c.token, "b.test", c.credentials)
	passwords := make([]string, 32)
	var asking sync.WaitGroup
	for i := range passwords {
		asking.Go(func() {
			if i%2 == 0 {
				passwords[i] = b.list(c.token)["b.test"].Password
				return
			}
			got := b.read(c.token, "a.test")
			passwords[i] = got.Password
			b.wantUpdate("at once", got, 200)
		})
	}
	asking.Wait()
	if len(slices.Compact(passwords)) != 1 {
		t.Errorf("%q", passwords)
	}
}

func TestForeignDomainsTellNothing(t *testing.T) {
	b := start(t, nil)
	c, other := b.tenant("t", "mine.test"), b.tenant("other", "bound.test", "free.test")
	b.mustStore(other.token, "bound.test", other.credentials)
	shown := func(a answer) string {
		a.header.Del("Date")
		return fmt.Sprint(a.status, a.header, a.body)
	}
	for _, body := range []string{claim(c.credentials), claim(other.credentials), "{}", "", strings.Repeat(" ", 17<<10)} {
		for _, method := range []string{"GET", "POST"} {
			bound := shown(b.ask(method, "/storage/bound.test", body, bearer(c.token)))
			free := shown(b.ask(method, "/storage/free.test", body, bearer(c.token)))
			if bound != free || !strings.HasPrefix(bound, "403") {
				t.Errorf("%s: %s\n%s", method, bound, free)
			}
		}
	}
}

func TestGivenPasswordEndsWithItsToken(t *testing.T) {
	b := start(t, nil)
	c := b.tenant("t", "a.test")
	b.mustStore(c.token, "a.test", c.credentials)
	given := b.read(c.token, "a.test")
	b.wantUpdate("before", given, 200)
	next := b.token(zone.Token{ID: "next", Uses: -1, Domains: zone.Patterns{"a.test"}})
	b.want("another token", b.ask("GET", "/storage/a.test", "", bearer(next)), 403, forbiddenBody)
	b.do(zone.RotatePassword{Username: c.Username, Password: zone.SecretOf("rotated")})
	b.wantUpdate("its own, rotated", c.credentials, 401)
	b.wantUpdate("after a rotation", given, 200)
	b.do(zone.RevokeToken{ID: "t"})
	b.wantUpdate("after the revocation", given, 401)
	b.want("read", b.ask("GET", "/storage/a.test", "", bearer(c.token)), 401, forbiddenBody)
	again := b.read(next, "a.test") // the operator's now
	if again.Password == given.Password || again.Username != given.Username {
		t.Errorf("%+v", again)
	}
	b.wantUpdate("the next token's", again, 200)
	b.wantUpdate("the old token's", given, 401)
}

func TestOperatorsBindingsAreForWhoIsGoodForAllOfTheAccount(t *testing.T) {
	b := start(t, nil)
	a := b.register("")
	bind := func(domain string) { b.do(zone.BindDomain{Domain: domain, Username: a.Username}) }
	bind("a.test")
	small := b.token(zone.Token{ID: "small", Uses: -1, Domains: zone.Patterns{"a.test"}})
	large := b.token(zone.Token{ID: "large", Uses: -1, Domains: zone.Patterns{"*"}})
	first, second := b.read(small, "a.test"), b.read(large, "a.test")
	b.wantUpdate("small", first, 200)
	b.wantUpdate("large", second, 200)
	if len(b.list(small))+len(b.list(large)) != 0 {
		t.Error("the operator's bindings are listed")
	}
	b.want("given out", b.store(large, "large.test", second), 401, forbiddenBody)

	bind("b.test") // with a password for the account b.test's values could be set
	b.want("no longer", b.ask("GET", "/storage/a.test", "", bearer(small)), 403, forbiddenBody)
	b.wantUpdate("no longer", first, 401)
	b.wantUpdate("as before", b.read(large, "b.test"), 200)

	// Somebody who has the account's own password uses it for a domain of his.
	other := b.token(zone.Token{ID: "other", Uses: -1, Domains: zone.Patterns{"c.test"}})
	b.mustStore(other, "c.test", a)
	b.want("shared", b.ask("GET", "/storage/a.test", "", bearer(large)), 403, forbiddenBody)
	b.wantUpdate("shared", second, 401)
	b.wantUpdate("his own", b.read(other, "c.test"), 200)
	b.do(zone.RevokeToken{ID: "other"})
	b.wantUpdate("shared with nobody", b.read(large, "a.test"), 200)
}

func TestAccountsOfATokenThatHasEndedAreTheOperators(t *testing.T) {
	b := start(t, nil)
	old := b.tenant("old", "*")
	next := b.token(zone.Token{ID: "next", Uses: -1, Domains: zone.Patterns{"*"}})
	b.want("another's", b.store(next, "a.test", old.credentials), 403, forbiddenBody)
	b.do(zone.RevokeToken{ID: "old"})
	b.mustStore(next, "a.test", old.credentials)
}

// between is Changes that lets something happen after a request has been judged.
type between struct {
	api.Changes
	then func()
}

func (b *between) Commit(ctx context.Context, change zone.Change) error {
	switch change.(type) {
	case zone.BindDomain, zone.GivePasswords:
		b.then()
	}
	return b.Changes.Commit(ctx, change)
}

func TestWhatChangesBetweenTheSteps(t *testing.T) {
	hook := &between{then: func() {}}
	b := start(t, func(o *api.Options) { hook.Changes, o.Changes = o.Changes, hook })
	after := func(c zone.Change, ask func() answer) answer {
		hook.then = func() { b.do(c) }
		defer func() { hook.then = func() {} }()
		return ask()
	}
	c := b.tenant("t", "*")
	b.want("account removed", after(zone.RemoveAccount{Username: c.Username}, func() answer { return b.store(c.token, "a.test", c.credentials) }), 401, forbiddenBody)
	c.credentials = b.registerWith(c.token)
	b.mustStore(c.token, "a.test", c.credentials)
	read := func() answer { return b.ask("GET", "/storage/a.test", "", bearer(c.token)) }
	operators := b.register("")
	b.do(zone.BindDomain{Domain: "o.test", Username: operators.Username})
	small := b.token(zone.Token{ID: "small", Uses: -1, Domains: zone.Patterns{"o.test"}})
	a := after(zone.BindDomain{Domain: "p.test", Username: operators.Username}, func() answer { return b.ask("GET", "/storage/o.test", "", bearer(small)) })
	var given credentials
	if err := json.Unmarshal([]byte(a.body), &given); err != nil {
		t.Fatal(a.body, err)
	}
	b.wantUpdate("a password for more than it was given for", given, 401)
	b.want("token revoked", after(zone.RevokeToken{ID: "t"}, read), 401, forbiddenBody)
	late := b.tenant("late", "*")
	b.want("token revoked", after(zone.RevokeToken{ID: "late"}, func() answer { return b.store(late.token, "l.test", late.credentials) }), 401, forbiddenBody)
	b.want("not bound", b.ask("GET", "/storage/l.test", "", bearer(b.token(zone.Token{ID: "any", Domains: zone.Patterns{"*"}}))), 404, `{"error": "not_found"}`)
}

// broken is Accounts that fail after so many pages.
type broken struct {
	api.Accounts
	pages int
}

func (s *broken) Binding(context.Context, string) (zone.Binding, error) {
	return zone.Binding{}, errors.New("the disk is gone")
}

func (s *broken) Bindings(ctx context.Context, token, after string, limit int) ([]zone.Binding, error) {
	if s.pages--; s.pages < 0 {
		return nil, errors.New("the disk is gone")
	}
	return s.Accounts.Bindings(ctx, token, after, limit)
}

// bindMany binds n domains to n/2 accounts with a token, and returns its text.
func (b *bed) bindMany(n int) string {
	token := b.token(zone.Token{ID: "many", Uses: -1, Domains: zone.Patterns{"*"}})
	var waiting sync.WaitGroup
	for i := range n / 2 {
		account := zone.Account{Username: fmt.Sprintf("%08d-0000-4000-8000-000000000000", i), Subdomain: fmt.Sprint("s", i), Token: "many",
			Domains: []string{fmt.Sprintf("d%d.test", i), fmt.Sprintf("e%d.test", i)}}
		if i%1000 == 0 {
			waiting.Wait() // the pipeline turns away more than a few thousand at once
		}
		waiting.Go(func() {
			if err := b.changes.Commit(context.Background(), zone.Register{Account: account}); err != nil {
				b.t.Error(err)
			}
		})
	}
	waiting.Wait()
	return token
}

func TestLongListComesWhole(t *testing.T) {
	b := start(t, nil)
	token := b.bindMany(1500) // three full pages
	for range 2 {
		all := b.list(token)
		bound, err := b.db.Bindings(t.Context(), "many", "", 1501)
		if err != nil || len(all) != 1500 || len(bound) != 1500 {
			t.Fatalf("%d accounts, %d in the database, %v", len(all), len(bound), err)
		}
		for _, binding := range bound {
			c := all[binding.Domain]
			if binding.Account.Username != c.Username || !binding.Account.Accepts(c.Password, time.Now()) {
				t.Fatalf("%+v is listed as %+v", binding, c)
			}
		}
	}
}

func TestFailingStoreIsNoEmptyAnswer(t *testing.T) {
	failing, trail := &broken{pages: 2}, newTrail(t)
	b := start(t, func(o *api.Options) { failing.Accounts, o.Accounts, o.Audit = o.Accounts, failing, trail.Log })
	token := b.bindMany(1500)
	request, err := http.NewRequest("GET", "http://"+b.addr+"/storage", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := b.http.Do(request)
	if err == nil { // the head may have come before the end
		var all map[string]any
		err = json.NewDecoder(response.Body).Decode(&all)
		response.Body.Close()
	}
	if err == nil {
		t.Error("half a list is taken for the whole")
	}
	trail.want("who has had half a list", audit.Entry{
		Event: "storage_list", Result: audit.Failed, Reason: "cut_off", Detail: "not stored: the disk is gone", Token: "many"})
	notStored := `{"error": "not_stored"}`
	b.want("the first page", b.ask("GET", "/storage", "", bearer(token)), 503, notStored)
	b.want("one", b.ask("GET", "/storage/d1.test", "", bearer(token)), 503, notStored)
}

// TestSlowSenderOfAnAccount takes as long as a sender may take.
func TestSlowSenderOfAnAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startTimeless(t, nil, nil)
		c := b.tenant("t", "*")
		a := b.raw("POST /storage/a.test HTTP/1.1\r\nHost: x\r\n" + bearer(c.token) + "\r\nContent-Length: 100\r\n\r\n{")
		if !strings.HasPrefix(a, "HTTP/1.1 408 ") {
			t.Errorf("%q", a)
		}
	})
}

func TestTokenIsGoodFromItsNetworksOnly(t *testing.T) {
	b := start(t, nil)
	home, err := zone.ParseAllowList([]string{netip.MustParsePrefix("127.0.0.0/8").String()})
	if err != nil {
		t.Fatal(err)
	}
	token := b.token(zone.Token{ID: "home", Uses: -1, Domains: zone.Patterns{"*"}, AllowFrom: home})
	b.mustStore(token, "a.test", b.registerWith(token))
}
