package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/acmezone/acmezone/internal/zone"
)

func with(name string, domains ...string) zone.Account {
	a := account(name)
	a.Domains = domains
	return a
}

func mustAccount(t *testing.T, s *Store, username string) zone.Account {
	t.Helper()
	a, err := s.Account(context.Background(), username)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func domainsOf(t *testing.T, s *Store, subdomain string) []string {
	t.Helper()
	a, err := s.FindAccount(context.Background(), subdomain)
	if err != nil {
		t.Fatal(err)
	}
	return a.Domains
}

func TestDatabaseOfTheFirstSchemaIsTakenUp(t *testing.T) {
	opts := options(t, newClock())
	if _, err := createFile(opts.Path); err != nil {
		t.Fatal(err)
	}
	err := execute(opts.Path, fmt.Sprintf(`%s; PRAGMA application_id = %d; PRAGMA user_version = 1;
		INSERT INTO zone_state (id, name, serial, seq) VALUES (1, 'auth.test.', 7, 1);
		INSERT INTO accounts VALUES ('user-a', 'a', x'%x', '[]', 1, 0, 'old');
		INSERT INTO challenges VALUES ('a', '1', 1, 1);
		INSERT INTO tokens VALUES ('t', x'%x', -1, 0, 1, '')`, migrations[0], applicationID, zone.SecretOf("pw-a"), zone.SecretOf("token")))
	if err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, opts)
	if a := mustAccount(t, s, "user-a"); !a.Accepts("pw-a", opts.Now()) || a.Comment != "old" || len(texts(s.Snapshot(), "a")) != 1 {
		t.Errorf("%+v", a)
	}
	if token, err := s.TokenOf(context.Background(), zone.SecretOf("token")); err != nil || !token.AllowFrom.Allows(loopback) || token.Spent(opts.Now()) {
		t.Errorf("%+v, %v", token, err)
	}
}

func TestDomainIsBoundOnce(t *testing.T) {
	s := mustOpen(t, options(t, newClock()))
	bind := func(domain, name string) zone.Change {
		return zone.BindDomain{Domain: domain, Username: "user-" + name}
	}
	do(t, s, []zone.Change{
		zone.Register{Account: with("a", "a.test", "b.test")},
		zone.Register{Account: with("b", "c.test", "b.test")},
		zone.Register{Account: account("c")},
		bind("a.test", "c"), bind("c.test", "c"), bind("d.test", "nobody"),
		zone.UnbindDomain{Domain: "b.test"}, zone.UnbindDomain{Domain: "b.test"}, bind("b.test", "c"),
	}, nil, zone.ErrBound, nil, zone.ErrBound, nil, zone.ErrNoAccount, nil, zone.ErrNotBound, nil)
	if _, err := s.Account(context.Background(), "user-b"); !errors.Is(err, zone.ErrNoAccount) {
		t.Errorf("half a registration is there: %v", err)
	}
	s = reopen(t, s)
	if diff := cmp.Diff([]string{"b.test", "c.test"}, domainsOf(t, s, "c")); diff != "" {
		t.Error(diff)
	}
	do(t, s, one(zone.RemoveAccount{Username: "user-c"}))
	do(t, s, one(bind("c.test", "a")))
	if diff := cmp.Diff([]string{"a.test", "c.test"}, domainsOf(t, s, "a")); diff != "" {
		t.Error(diff)
	}
}

func TestAccountIsFoundByAnyOfItsNames(t *testing.T) {
	s := mustOpen(t, options(t, newClock()))
	a := with("a", "a.test", "xn--mller-kva.test")
	a.Username = "6f4c6f0e-3a43-4f8e-9d15-2c1f9a3e7b11"
	do(t, s, one(zone.Register{Account: a}))
	for _, name := range []string{"a.test", "*.A.test.", "müller.test", "a", "A.auth.test", "a.auth.test.", a.Username, "6F4C6F0E-3A43-4F8E-9D15-2C1F9A3E7B11"} {
		if got, err := s.FindAccount(context.Background(), name); err != nil || got.Username != a.Username {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for _, name := range []string{"", "b.test", "www.a.test", "b", "6f4c6f0e-3a43-4f8e-9d15-2c1f9a3e7b12", "_acme-challenge.a.test"} {
		if _, err := s.FindAccount(context.Background(), name); !errors.Is(err, zone.ErrNoAccount) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAccountsByFilterAndPage(t *testing.T) {
	c := newClock()
	s := mustOpen(t, options(t, c))
	for i := range 25 {
		a := account(fmt.Sprintf("%02d", i))
		if i%10 == 0 {
			a.Domains = []string{fmt.Sprintf("d%d.test", i)}
		}
		a.Comment = map[bool]string{true: "50%_off"}[i == 3]
		do(t, s, one(zone.Register{Account: a}))
	}
	c.t = c.t.Add(48 * time.Hour)
	do(t, s, []zone.Change{set("07", "1"), zone.Register{Account: account("new")}})
	names := func(f zone.AccountFilter) (all []string) {
		for {
			page, err := s.Accounts(context.Background(), f)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range page {
				all = append(all, a.Subdomain)
			}
			if len(page) < f.Limit || f.Limit == 0 {
				return all
			}
			f.After = page[len(page)-1].Username
		}
	}
	if all := names(zone.AccountFilter{Limit: 5}); len(all) != 26 || !slices.IsSorted(all) {
		t.Errorf("pages of five: %v", all)
	}
	if idle := names(zone.AccountFilter{IdleSince: c.t.Add(-24 * time.Hour)}); len(idle) != 24 || slices.Contains(idle, "07") || slices.Contains(idle, "new") {
		t.Errorf("idle for a day: %v", idle)
	}
	for text, want := range map[string][]string{"d10": {"10"}, "%_": {"03"}, "user-0_": nil, "R-24": {"24"}} {
		if diff := cmp.Diff(want, names(zone.AccountFilter{Containing: text})); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
	if diff := cmp.Diff([]string{"00", "10", "20"}, names(zone.AccountFilter{Bound: true})); diff != "" {
		t.Error(diff)
	}
}

func TestRotatedPasswordIsGoodForAWhile(t *testing.T) {
	c := newClock()
	s := mustOpen(t, options(t, c))
	do(t, s, one(zone.Register{Account: account("a")}))
	accepted := func(want ...bool) {
		t.Helper()
		a := mustAccount(t, s, "user-a") // the cache must not keep what was changed
		for i, password := range []string{"pw-a", "second", "third"} {
			if got := a.Accepts(password, c.t); got != want[i] {
				t.Errorf("%s: %t", password, got)
			}
		}
	}
	accepted(true, false, false)
	rotate := func(password string, until time.Time) zone.Change {
		return zone.RotatePassword{Username: "user-a", Password: zone.SecretOf(password), OldUntil: until}
	}
	do(t, s, []zone.Change{rotate("second", c.t.Add(time.Hour)), zone.RotatePassword{Username: "nobody"}}, nil, zone.ErrNoAccount)
	accepted(true, true, false)
	c.t = c.t.Add(time.Hour)
	accepted(false, true, false)
	c.t = c.t.Add(-time.Minute)
	do(t, s, one(rotate("third", c.t.Add(time.Hour))))
	accepted(false, true, true)
	do(t, s, one(rotate("third", time.Time{})))
	accepted(false, false, true)
}

func TestTokenHasAQuotaAndEndsWhatItGaveOut(t *testing.T) {
	c := newClock()
	s := mustOpen(t, options(t, c))
	token := zone.Token{ID: "t", Secret: zone.SecretOf("token"), Uses: -1, Quota: 2, Domains: zone.Patterns{"*.test"}, Expires: c.t.Add(time.Hour)}
	charged := func(name string) zone.Change { return zone.Register{Account: account(name), Token: &token.Secret} }
	do(t, s, []zone.Change{zone.CreateToken{Token: token}, charged("a"), charged("b"), charged("c")}, nil, nil, nil, zone.ErrToken)
	do(t, s, []zone.Change{zone.RemoveAccount{Username: "user-b"}, charged("d"), charged("e")}, nil, nil, zone.ErrToken)
	give := zone.GivePasswords{Token: "t", Passwords: map[string]zone.Given{"user-a": {Secret: zone.SecretOf("given")}, "nobody": {}}}
	bound := zone.BindDomain{Domain: "a.test", Username: "user-a", Token: "t"}
	do(t, s, []zone.Change{give, zone.GivePasswords{Token: "none"}, bound}, nil, zone.ErrToken, nil)
	a := mustAccount(t, s, "user-a")
	if !a.Accepts("given", c.t) || a.Accepts("given", token.Expires) || a.Token != "t" {
		t.Errorf("%+v", a)
	}
	if binding, err := s.Binding(context.Background(), "a.test"); err != nil || binding.Account.Username != "user-a" || binding.Token != "t" {
		t.Error(binding, err)
	}
	do(t, s, one(set("d", "1")))
	do(t, s, one(zone.RevokeToken{ID: "t"}))
	if a := mustAccount(t, s, "user-a"); a.Accepts("given", c.t) || !a.Accepts("pw-a", c.t) || a.Token != "" {
		t.Errorf("%+v", a)
	}
	if binding, err := s.Binding(context.Background(), "a.test"); err != nil || binding.Token != "" || len(binding.Holders) != 0 {
		t.Error(binding, err)
	}
}

func TestTokenIsRevokedWithItsAccounts(t *testing.T) {
	s := mustOpen(t, options(t, newClock()))
	token := zone.Token{ID: "t", Secret: zone.SecretOf("token"), Uses: -1}
	do(t, s, []zone.Change{
		zone.CreateToken{Token: token}, zone.Register{Account: account("a"), Token: &token.Secret}, zone.Register{Account: account("b")},
		set("a", "1"), set("b", "1"),
	})
	snap := do(t, s, one(zone.RevokeToken{ID: "t", Accounts: true}))
	if _, err := s.Account(context.Background(), "user-a"); !errors.Is(err, zone.ErrNoAccount) || len(texts(snap, "a")) != 0 || len(texts(snap, "b")) != 1 {
		t.Errorf("%v, %v, %v", err, texts(snap, "a"), texts(snap, "b"))
	}
	do(t, s, one(zone.Register{Account: account("a")}), zone.ErrTaken)
}
