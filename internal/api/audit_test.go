package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
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
	"github.com/acmezone/acmezone/internal/limit"
	"github.com/acmezone/acmezone/internal/logtest"
	"github.com/acmezone/acmezone/internal/zone"
)

// trail is an audit log that a test reads.
type trail struct {
	t    *testing.T
	path string
	*audit.Log
}

func newTrail(t *testing.T) *trail {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.log")
	log, err := audit.Open(audit.Options{Path: path, Database: path, Log: slog.Default()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return &trail{t, path, log}
}

func (a *trail) text() string {
	text, err := os.ReadFile(a.path)
	if err != nil {
		a.t.Fatal(err)
	}
	return string(text)
}

// lines are what was written, in the words that tests compare.
func (a *trail) lines() []audit.Entry {
	a.t.Helper()
	var all []audit.Entry
	for line := range strings.Lines(a.text()) {
		var e audit.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			a.t.Fatalf("%q: %v", line, err)
		}
		if _, err := time.Parse("2006-01-02T15:04:05.000Z", e.Time); err != nil {
			a.t.Error(err)
		}
		e.Time = ""
		all = append(all, e)
	}
	return all
}

func (a *trail) want(what string, want ...audit.Entry) {
	a.t.Helper()
	got := a.lines()
	if len(got) > len(want) {
		got = got[len(got)-len(want):]
	}
	for i := range want {
		want[i].Client = "127.0.0.1"
	}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		a.t.Errorf("%s:\n%+v\nwant\n%+v", what, got, want)
	}
}

// TestAuditOfClients: each request that changed something, or was to, is a line, which
// is there when the answer is.
func TestAuditOfClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trail, attaching := newTrail(t), &attacher{}
		b := startTimeless(t, nil, func(o *api.Options) { o.Audit, o.Attacher = trail.Log, attaching })
		c, other := b.register(""), b.register("")
		ok, refused := audit.OK, audit.Refused
		trail.want("register", audit.Entry{Event: "register", Result: ok, Account: other.Username, Subdomain: other.Subdomain})
		b.update(c, txt(c))
		trail.want("update", audit.Entry{Event: "update", Result: ok, Account: c.Username, Subdomain: c.Subdomain, Value: challenge})

		wrong := c
		wrong.Password = other.Password
		b.update(wrong, txt(c))
		trail.want("wrong password", audit.Entry{
			Event: "login_failed", Result: refused, Reason: "forbidden", Detail: "forbidden: wrong password", Account: c.Username})
		b.update(c, txt(other))
		trail.want("another's name", audit.Entry{
			Event: "update", Result: refused, Reason: "forbidden", Detail: "forbidden: the subdomain is not the account's", Account: c.Username, Subdomain: c.Subdomain})
		b.ns.setFail(errors.New("it is down"))
		b.update(c, strings.Replace(txt(c), challenge, strings.Repeat("b", 43), 1))
		if last := trail.lines()[4:]; len(last) != 2 || last[1].Result != audit.Failed || last[1].Reason != "not_published" {
			t.Errorf("not published: %+v", last)
		}
		b.ns.setFail(nil)

		token := b.token(zone.Token{ID: "t1", Uses: -1, Domains: zone.Patterns{"example.com", "*.example.com"}})
		bound := b.registerWith(token)
		b.store(token, "example.com", bound)
		mine := audit.Entry{Event: "attach", Result: ok, Account: bound.Username, Subdomain: bound.Subdomain, Domain: "example.com", Token: "t1"}
		attached, stored := mine, mine
		attached.Target, stored.Event = bound.FullDomain, "bind"
		trail.want("bind", attached, stored)
		attaching.err = errors.New("the zone is locked")
		b.store(token, "www.example.com", bound)
		if last := trail.lines(); last[len(last)-2].Result != audit.Failed || last[len(last)-2].Detail != "the zone is locked" || last[len(last)-1].Result != ok {
			t.Errorf("not attached: %+v", last)
		}
		b.read(token, "example.com")
		trail.want("read", audit.Entry{Event: "storage_read", Result: ok, Domain: "example.com", Token: "t1"})
		b.store(zone.NewToken(), "example.com", bound)
		if last := trail.lines(); last[len(last)-1].Event != "login_failed" {
			t.Errorf("unknown token: %+v", last[len(last)-1])
		}
		for _, secret := range []string{c.Password, other.Password, bound.Password, token, zone.TokenPrefix} {
			if strings.Contains(trail.text(), secret) {
				t.Errorf("%q is in the audit log", secret)
			}
		}
	})
}

// TestAuditOfAFlood: whoever tries passwords is named by the address that a proxy says, and
// is a failed login also when nothing is checked any more.
func TestAuditOfAFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trail := newTrail(t)
		b := startTimeless(t, nil, func(o *api.Options) {
			o.Audit, o.Proxies = trail.Log, api.Proxies{Networks: loopbackNets}
			o.Limits = api.Limits{FailedLogins: limit.Rate{Events: 1, Per: time.Hour}, RefusalTime: time.Millisecond}
		})
		c := credentials{Username: "00000000-0000-4000-8000-000000000000", Password: challenge}
		for range 300 {
			b.ask("POST", "/update", txt(c), "X-Api-User: "+c.Username, "X-Api-Key: "+c.Password, "X-Forwarded-For: 192.0.2.7")
		}
		all := trail.lines()
		if len(all) < 100 || len(all) > 150 || trail.Stats().LeftOut < 150 {
			t.Errorf("%d lines, %+v", len(all), trail.Stats())
		}
		for i, e := range all {
			reason := "rate_limited"
			if i == 0 {
				reason = "forbidden"
			}
			if e.Event == "left_out" {
				continue
			}
			if e.Event != "login_failed" || e.Client != "192.0.2.7" || e.Account != c.Username || e.Reason != reason {
				t.Errorf("line %d: %+v", i, e)
			}
		}
	})
}

// TestAnOperatorsWrongQuestionIsNoWarning: the answer goes to who asked.
func TestAnOperatorsWrongQuestionIsNoWarning(t *testing.T) {
	log := &logtest.Buffer{}
	admin := api.NewAdmin(refusingAdmin{}, slog.New(slog.NewTextHandler(log, nil)))
	w := httptest.NewRecorder()
	admin.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/changes/unbind-domain", strings.NewReader(`{"Domain": "example.com"}`)))
	if w.Code < 400 || w.Code >= 500 || log.String() != "" {
		t.Errorf("%d, and the log says %q", w.Code, log.String())
	}
}

// TestAuditOfOperators: what comes over the admin socket has the user at its other end.
func TestAuditOfOperators(t *testing.T) {
	trail := newTrail(t)
	socket := filepath.Join(t.TempDir(), "admin.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	admin := api.NewAdmin(api.Audited(refusingAdmin{}, trail.Log, audit.ViaSocket), slog.New(slog.DiscardHandler))
	stop := background(t, func(ctx context.Context) error {
		return api.Serve(ctx, []net.Listener{l}, admin, api.ServeOptions{Timeout: time.Second, Log: slog.New(slog.DiscardHandler)})
	})
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}}
	client := &http.Client{Transport: transport}
	for _, kind := range []string{"remove-account", "unbind-domain"} {
		response, err := client.Post("http://admin/changes/"+kind, "", strings.NewReader(`{"Username": "u", "Domain": "example.com"}`))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
	}
	transport.CloseIdleConnections()
	stop()
	self := audit.Self()
	want := []audit.Entry{
		{Event: "account_remove", Result: audit.OK, Account: "u", Who: self, Via: audit.ViaSocket},
		{Event: "unbind", Result: audit.Refused, Reason: "not_found", Detail: zone.ErrNotBound.Error(), Domain: "example.com", Who: self, Via: audit.ViaSocket},
	}
	got := trail.lines()
	for i := range got {
		if got[i].UID == nil || *got[i].UID != *self.UID {
			t.Errorf("%+v", got[i])
		}
		got[i].UID = self.UID
	}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("%+v\nwant\n%+v", got, want)
	}
}

// refusingAdmin finds no binding.
type refusingAdmin struct{ api.Admin }

func (refusingAdmin) Do(_ context.Context, change zone.Change) error {
	if _, ok := change.(zone.UnbindDomain); ok {
		return zone.ErrNotBound
	}
	return nil
}

// counts is an Observer.
type counts struct {
	mu   sync.Mutex
	seen []string
}

func (c *counts) Answered(endpoint string, status int, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = append(c.seen, fmt.Sprint(endpoint, " ", status))
	if took <= 0 {
		c.seen = append(c.seen, "no time")
	}
}

func TestObserver(t *testing.T) {
	counted := &counts{}
	b := start(t, func(o *api.Options) { o.Observer, o.PathPrefix = counted, "/acme" })
	b.ask("POST", "/acme/register", "")
	b.ask("POST", "/acme/acmezone_x/register", "[")
	b.ask("POST", "/acme/update", "")
	b.ask("POST", "/acme/update", strings.Repeat("x", 20<<10), "X-Api-User: x", "X-Api-Key: x")
	b.ask("GET", "/acme/storage/example.com", "")
	b.ask("GET", "/health", "")
	b.ask("DELETE", "/acme/update", "")
	b.ask("GET", "/nothing", "")
	b.stop()
	want := []string{
		"register 201", "register 400", "update 401", "update 413", "storage 401", "health 200", "other 405", "other 404",
	}
	if !slices.Equal(counted.seen, want) {
		t.Errorf("%v\nwant %v", counted.seen, want)
	}
}
