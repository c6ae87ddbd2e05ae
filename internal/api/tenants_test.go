package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/acmezone/acmezone/internal/api"
	"github.com/acmezone/acmezone/internal/zone"
)

// rival is a tenant and what belongs to it.
type rival struct {
	id, token   string
	bound, free string      // its domains
	own, spare  credentials // its accounts: for the bound domain, and for none yet
	given       string      // the password that the token gives out for own
}

func (b *bed) rival(id string) rival {
	b.t.Helper()
	r := rival{id: id, bound: "bound." + id + ".test", free: "free." + id + ".test"}
	r.token = b.token(zone.Token{ID: id, Uses: 2, Domains: zone.Patterns{"*." + id + ".test"}})
	r.own, r.spare = b.registerWith(r.token), b.registerWith(r.token)
	if a := b.store(r.token, r.bound, r.own); a.status != 201 {
		b.t.Fatalf("%d %s", a.status, a.body)
	}
	r.given = b.read(r.token, r.bound).Password
	b.wantUpdate(id, r.own, 200)
	return r
}

// TestTwoTenantsTryEverythingAgainstEachOther has each tenant send whatever it can make
// of what it has and what it may know of the other: everything but the other's token and
// passwords.
func TestTwoTenantsTryEverythingAgainstEachOther(t *testing.T) {
	attaching := &attacher{}
	b := start(t, func(o *api.Options) { o.RegisterFrom, o.Attacher = nil, attaching })
	one, two := b.rival("one"), b.rival("two")
	before, attached := b.state(one, two), len(attaching.called())
	tried := 0
	for _, x := range []attack{{b, one, two}, {b, two, one}} {
		for _, r := range x.requests() {
			a := b.ask(r.method, r.path, r.body, r.headers...)
			tried++
			if a.status/100 == 2 {
				t.Errorf("%s %s %q %s: %d %s", r.method, r.path, r.headers, r.body, a.status, a.body)
			}
			x.tellsNothing(a)
		}
		x.seesItsOwn()
	}
	t.Logf("%d requests", tried)
	if diff := cmp.Diff(before, b.state(one, two)); diff != "" {
		t.Errorf("something has changed:\n%s", diff)
	}
	if n := len(attaching.called()); n != attached {
		t.Errorf("%d zones were edited", n-attached)
	}
	for _, r := range []rival{one, two} {
		if log := b.log.String(); strings.Contains(log, r.token) || strings.Contains(log, r.own.Password) || strings.Contains(log, r.given) {
			t.Errorf("a secret of %s is in the log", r.id)
		}
		b.wantUpdate(r.id, r.own, 200)
		b.wantUpdate(r.id, b.read(r.token, r.bound), 200)
	}
}

// state is all that the database holds, and what is served.
func (b *bed) state(rivals ...rival) string {
	b.t.Helper()
	accounts, err := b.db.Accounts(b.t.Context(), zone.AccountFilter{})
	if err != nil {
		b.t.Fatal(err)
	}
	tokens, err := b.db.Tokens(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	all := []any{accounts, tokens, b.changes.Snapshot().Serial(), b.changes.Snapshot().Seq()}
	for _, r := range rivals {
		bindings, err := b.db.Bindings(b.t.Context(), r.id, "", 100)
		if err != nil {
			b.t.Fatal(err)
		}
		all = append(all, bindings)
	}
	text, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

// attack is what one tenant does to the other.
type attack struct {
	b        *bed
	by, upon rival
}

type request struct {
	method, path, body string
	headers            []string
}

// requests are all that must be refused.
func (x attack) requests() (all []request) {
	for _, as := range x.identities() {
		for _, domain := range x.domains() {
			path := as.path + "/storage/" + domain
			all = append(all, request{"GET", path, "", as.headers}, request{"POST", path, claim(x.by.spare), as.headers})
		}
		// Of its own domains the one that is bound stays, and the one that isn't is for
		// its own accounts alone.
		for _, body := range x.bodies(true) {
			for _, domain := range []string{x.by.bound, x.upon.bound, x.upon.free} {
				all = append(all, request{"POST", as.path + "/storage/" + domain, body, as.headers})
			}
		}
		for _, body := range x.bodies(false) {
			all = append(all, request{"POST", as.path + "/storage/" + x.by.free, body, as.headers})
		}
		all = append(all, request{"POST", as.path + "/register", "", as.headers}, request{"POST", as.path + "/register", claim(x.upon.own), as.headers})
		for _, method := range []string{"PUT", "DELETE", "PATCH"} {
			all = append(all, request{method, as.path + "/storage/" + x.upon.bound, claim(x.by.own), as.headers})
		}
		all = append(all, x.updates(as)...)
	}
	return all
}

// identities are the ways to give its token, alone and beside the other's name.
func (x attack) identities() (all []request) {
	for _, way := range waysToGive {
		segment, header := way(x.by.token)
		all = append(all, request{path: segment, headers: []string{header}})
		segment, header = way(zone.TokenPrefix + x.upon.id)
		all = append(all, request{path: segment, headers: []string{header}})
	}
	return append(all,
		request{path: "/" + x.by.token, headers: []string{bearer(zone.TokenPrefix + x.upon.id)}},
		request{path: "/" + zone.TokenPrefix + x.upon.id, headers: []string{bearer(x.by.token)}},
		request{headers: []string{basic(x.by.token, x.upon.id)}},
		request{headers: []string{basic(x.upon.own.Username, x.by.token)}},
		request{headers: []string{bearer(x.by.token), "X-Api-User: " + x.upon.own.Username, "X-Forwarded-For: 127.0.0.1"}},
		request{headers: []string{basic(x.upon.own.Username, x.by.own.Password)}},
		request{headers: []string{"Accept: */*"}},
	)
}

// domains are spellings of the other's domains.
func (x attack) domains() []string {
	return []string{
		x.upon.bound, x.upon.free, "*." + x.upon.bound, strings.ToUpper(x.upon.bound), x.upon.bound + ".", strings.ReplaceAll(x.upon.bound, ".", "%2e"),
		"/" + x.upon.bound + "/", x.by.bound + "%2f..%2f" + x.upon.bound, x.by.bound + "/../" + x.upon.bound, x.by.bound + "%00" + x.upon.bound,
		x.by.bound + "." + x.upon.bound, x.upon.id + ".test", "*", "test", "_acme-challenge." + x.upon.bound, x.upon.own.FullDomain, x.upon.own.Subdomain,
		x.upon.own.Username,
	}
}

// passwords are all that it has or can make.
func (x attack) passwords() []string {
	return []string{
		x.by.own.Password, x.by.spare.Password, x.by.given, x.by.token, "", x.upon.id, x.upon.own.Username,
		zone.DerivedPassword(x.by.token, x.upon.own.Username), zone.DerivedPassword(x.by.token, x.upon.spare.Username),
		zone.DerivedPassword(x.upon.id, x.upon.own.Username), hexOf(x.by.own.Password),
	}
}

// bodies are mixtures of its own account and the other's, and, if asked, its own.
func (x attack) bodies(itsOwn bool) (all []string) {
	for _, user := range []credentials{x.by.own, x.upon.own, x.upon.spare} {
		for _, place := range []credentials{x.by.own, x.upon.own} {
			for _, password := range x.passwords() {
				c := credentials{Username: user.Username, Password: password, Subdomain: place.Subdomain, FullDomain: place.FullDomain}
				if itsOwn || !x.isItsOwn(c) {
					all = append(all, claim(c))
				}
			}
		}
	}
	return append(all, "", "{}", "null")
}

func (x attack) isItsOwn(c credentials) bool {
	return c == x.by.own || c == credentials{x.by.own.Username, x.by.given, x.by.own.FullDomain, x.by.own.Subdomain}
}

// updates are tries to set a value of the other's.
func (x attack) updates(as request) (all []request) {
	for _, user := range []credentials{x.by.own, x.upon.own, x.upon.spare} {
		for _, place := range []credentials{x.upon.own, x.upon.spare, x.by.own} {
			if user == x.by.own && place == x.by.own {
				continue
			}
			for _, password := range x.passwords() {
				headers := append([]string{"X-Api-User: " + user.Username, "X-Api-Key: " + password}, as.headers...)
				all = append(all, request{"POST", as.path + "/update", txt(place), headers})
			}
		}
	}
	return all
}

// tellsNothing looks for what the other has in an answer.
func (x attack) tellsNothing(a answer) {
	x.b.t.Helper()
	for _, secret := range []string{x.upon.token, x.upon.own.Password, x.upon.given, x.upon.own.Username, x.upon.own.Subdomain, x.upon.spare.Username, x.upon.bound} {
		if strings.Contains(a.body, secret) || strings.Contains(fmt.Sprint(a.header), secret) {
			x.b.t.Errorf("%s is told: %d %s %v", secret, a.status, a.body, a.header)
		}
	}
}

// seesItsOwn wants of the list and of its domain what it had before.
func (x attack) seesItsOwn() {
	x.b.t.Helper()
	for _, way := range waysToGive {
		segment, header := way(x.by.token)
		a := x.b.ask("GET", segment+"/storage", "", header)
		x.tellsNothing(a)
		var all map[string]credentials
		if err := json.Unmarshal([]byte(a.body), &all); err != nil || len(all) != 1 || all[x.by.bound].Password != x.by.given {
			x.b.t.Errorf("%d %s, %v", a.status, a.body, err)
		}
	}
}

// hexOf is what the database holds of a password.
func hexOf(password string) string {
	text, _ := zone.SecretOf(password).MarshalText() // never fails
	return string(text)
}
