package api_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/acmezone/acmezone/internal/api"
	"github.com/acmezone/acmezone/internal/limit"
	"github.com/acmezone/acmezone/internal/zone"
)

const limited = `{"error": "rate_limited"}`

// from gives a request the address that a proxy reports.
func from(addr string) string { return "X-Forwarded-For: " + addr }

// behindProxy has rates of three an hour, and believes this machine.
func behindProxy(o *api.Options) {
	believes127001(o)
	three := limit.Rate{Events: 3, Per: time.Hour}
	o.Limits.Registrations, o.Limits.FailedLogins, o.Limits.Updates = three, three, three
	o.Limits.Exempt = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}
	o.Registration = api.RegistrationOpen
}

// wantLimited is a 429 that says when to come again.
func (b *bed) wantLimited(what string, a answer) {
	b.t.Helper()
	b.want(what, a, http.StatusTooManyRequests, limited)
	if seconds, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || seconds < 1 || seconds > 1200 {
		b.t.Errorf("%s: Retry-After %q", what, a.header.Get("Retry-After"))
	}
}

func TestRegistrationsOfOneAddressAreLimited(t *testing.T) {
	b := start(t, behindProxy)
	register := func(addr string, more ...string) answer {
		return b.ask("POST", "/register", "", append(more, from(addr))...)
	}
	for _, same := range [][]string{
		{"203.0.113.1", "::ffff:203.0.113.1", "203.0.113.1:99"},
		{"2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:2:ffff::"},
		{"unknown", "junk", ""}, // one client, whoever they are
	} {
		for _, addr := range same {
			if a := register(addr); a.status != 201 {
				t.Errorf("%s: %d %s", addr, a.status, a.body)
			}
		}
		for _, addr := range same {
			b.wantLimited(addr, register(addr))
		}
	}
	for _, other := range []string{"203.0.113.2", "2001:db8:1:3::1"} {
		if a := register(other); a.status != 201 {
			t.Errorf("%s: %d %s", other, a.status, a.body)
		}
	}
	for range 10 {
		if a := register("198.51.100.1"); a.status != 201 {
			t.Errorf("exempt: %d %s", a.status, a.body)
		}
	}
	token := b.token(zone.Token{ID: "t", Uses: 2})
	for range 2 {
		if a := register("203.0.113.1", bearer(token)); a.status != 201 {
			t.Errorf("with a token: %d %s", a.status, a.body)
		}
	}
	b.wantLimited("a token that is used up", register("203.0.113.1", bearer(token)))
	b.want("no allow list", b.ask("POST", "/register", `{"allowfrom":["x"]}`, from("203.0.113.1")), 400, `{"error": "invalid_allowfrom_cidr"}`)
}

// TestTokenThatIsntNeededCostsNoUse until the address has had its share.
func TestTokenThatIsntNeededCostsNoUse(t *testing.T) {
	b := start(t, behindProxy)
	token := b.token(zone.Token{ID: "t", Uses: 1})
	for i := range 5 {
		a := b.ask("POST", "/register", "", from("203.0.113.1"), bearer(token))
		if want := []int{201, 201, 201, 201, 429}[i]; a.status != want {
			t.Errorf("%d: %d %s, want %d", i, a.status, a.body, want)
		}
	}
}

func TestFailedLoginsOfOneAddressAreLimited(t *testing.T) {
	b := start(t, behindProxy)
	c, imported := b.register(""), b.importedAccount(1, bcrypt.MinCost)
	update := func(c credentials, addr string) answer {
		return b.ask("POST", "/update", txt(c), from(addr), "X-Api-User: "+c.Username, "X-Api-Key: "+c.Password)
	}
	wrong, unknown, noUUID := c, c, c
	wrong.Password = zone.NewPassword()
	unknown.Username, noUUID.Username = "00000000-0000-4000-8000-00000000ffff", "admin"
	for _, w := range []credentials{wrong, unknown, noUUID} {
		b.want("within the limit", update(w, "203.0.113.1"), 401, forbiddenBody)
	}
	for _, w := range []credentials{wrong, unknown, noUUID} {
		b.wantLimited("beyond it", update(w, "203.0.113.1"))
	}
	b.want("elsewhere", update(wrong, "203.0.113.2"), 401, forbiddenBody)
	b.want("the right password", update(c, "203.0.113.1"), 200, `{"txt": "`+challenge+`"}`)
	b.want("a foreign subdomain", update(credentials{c.Username, c.Password, "", "other"}, "203.0.113.1"), 401, forbiddenBody)

	// Somebody else may be behind the same address.
	b.want("not migrated", update(imported, "203.0.113.1"), 200, `{"txt": "`+challenge+`"}`)
	b.want("migrated", update(imported, "203.0.113.1"), 200, `{"txt": "`+challenge+`"}`)

	// Tokens are counted together with passwords, and in every place.
	bad := "acmezone_" + strings.Repeat("x", 40)
	b.wantLimited("storage, list", b.ask("GET", "/storage", "", from("203.0.113.1"), bearer(bad)))
	b.wantLimited("storage, read", b.ask("GET", "/storage/a.test", "", from("203.0.113.1"), bearer(bad)))
	good := b.tenant("t", "a.test")
	claimed := claim(wrong)
	b.wantLimited("storage, a wrong password", b.ask("POST", "/storage/a.test", claimed, from("203.0.113.1"), bearer(good.token)))
	b.want("a good token", b.ask("GET", "/storage", "", from("203.0.113.1"), bearer(good.token)), 200, "{}")
	b.want("none at all", b.ask("GET", "/storage", "", from("203.0.113.1")), 401, forbiddenBody)
}

// TestPasswordOfAnImportIsCheckedSoOften: not for who fails with that account all the time.
func TestPasswordOfAnImportIsCheckedSoOften(t *testing.T) {
	b := start(t, behindProxy)
	one, two := b.importedAccount(1, bcrypt.MinCost), b.importedAccount(2, bcrypt.MinCost)
	update := func(c credentials, addr string) answer {
		return b.ask("POST", "/update", txt(c), from(addr), "X-Api-User: "+c.Username, "X-Api-Key: "+c.Password)
	}
	wrong := one
	for range 3 {
		wrong.Password = zone.NewPassword()
		b.want("wrong", update(wrong, "203.0.113.1"), 401, forbiddenBody)
	}
	b.wantLimited("the right one after that", update(one, "203.0.113.1"))
	b.want("another account", update(two, "203.0.113.1"), 200, `{"txt": "`+challenge+`"}`)
	b.want("from elsewhere", update(one, "203.0.113.2"), 200, `{"txt": "`+challenge+`"}`)
	b.want("now it is known", update(one, "203.0.113.1"), 200, `{"txt": "`+challenge+`"}`)
}

// TestFloodOfWrongPasswordsIsNotHeld beyond so many at once, whosever they are.
func TestFloodOfWrongPasswordsIsNotHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startTimeless(t, nil, func(o *api.Options) {
			behindProxy(o)
			o.Limits.RefusalTime = 500 * time.Millisecond
		})
		c := b.register("")
		for range 3 {
			b.loginFails(c)
		}
		var quick, held atomic.Int32
		var flood sync.WaitGroup
		for range 200 {
			flood.Go(func() {
				if b.loginFails(c) < 400*time.Millisecond {
					quick.Add(1)
				} else {
					held.Add(1)
				}
			})
		}
		flood.Wait()
		if held.Load() < 64 || quick.Load() == 0 {
			t.Errorf("%d held, %d not", held.Load(), quick.Load())
		}
	})
}

// loginFails returns how long a wrong password took.
func (b *bed) loginFails(c credentials) time.Duration {
	began := time.Now()
	if a := b.ask("POST", "/update", txt(c), from("203.0.113.1"), "X-Api-User: "+c.Username, "X-Api-Key: x"); a.status != 401 && a.status != 429 {
		b.t.Errorf("%d %s", a.status, a.body)
	}
	return time.Since(began)
}

func TestBadTokensAtRegisterAreLimited(t *testing.T) {
	b := start(t, func(o *api.Options) {
		behindProxy(o)
		o.Registration, o.RegisterFrom = api.RegistrationRestricted, nil
	})
	register := func(token string) answer { return b.ask("POST", "/register", "", from("203.0.113.1"), bearer(token)) }
	for range 3 {
		b.want("bad", register("acmezone_bad"), 403, `{"error": "registration_forbidden"}`)
	}
	b.wantLimited("bad", register("acmezone_bad"))
	b.want("none", b.ask("POST", "/register", "", from("203.0.113.1")), 403, `{"error": "registration_forbidden"}`)
	token := b.token(zone.Token{ID: "t", Uses: -1})
	for range 10 {
		if a := register(token); a.status != 201 {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
}

func TestUpdatesOfOneAccountAreLimited(t *testing.T) {
	b := start(t, behindProxy)
	one, two := b.register(""), b.register("")
	update := func(c credentials, body, addr string) answer {
		return b.ask("POST", "/update", body, from(addr), "X-Api-User: "+c.Username, "X-Api-Key: "+c.Password)
	}
	strangers := one
	strangers.Password = zone.NewPassword()
	for i := range 10 { // what isn't authenticated, or isn't an update, costs the account nothing
		update(strangers, txt(one), fmt.Sprintf("203.0.113.%d", i))
		update(one, strings.Replace(txt(one), challenge, "x", 1), "203.0.113.1")
	}
	for i := range 3 {
		if a := update(one, txt(one), fmt.Sprintf("203.0.113.%d", i)); a.status != 200 {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	b.wantLimited("wherever it comes from", update(one, txt(one), "203.0.113.77"))
	b.want("another account", update(two, txt(two), "203.0.113.1"), 200, `{"txt": "`+challenge+`"}`)
	b.want("exempt", update(one, txt(one), "198.51.100.1"), 200, `{"txt": "`+challenge+`"}`)
}

// TestRefusalsAreLoggedOnceAMinute, so that a flood doesn't fill the log.
func TestRefusalsAreLoggedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startTimeless(t, nil, behindProxy)
		for range 50 {
			b.ask("POST", "/register", "", from("203.0.113.1"))
		}
		if n := strings.Count(b.log.String(), "level=WARN msg=\"register refused\""); n != 1 {
			t.Errorf("%d warnings", n)
		}
	})
}

// TestRefusalsThatNobodyCountsDoNotFillTheLog: no credentials, or a body that is none, can
// be sent by anybody as often as he likes.
func TestRefusalsThatNobodyCountsDoNotFillTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startTimeless(t, nil, nil)
		for range 300 {
			b.ask("POST", "/update", "{}")
			b.ask("POST", "/register", "[")
		}
		all, warnings := strings.Count(b.log.String(), " refused\""), strings.Count(b.log.String(), "level=WARN")
		if all != 600 || warnings < 120 || warnings > 200 {
			t.Errorf("%d refusals in the log, %d of them as warnings", all, warnings)
		}
		before := len(b.log.String())
		a := b.ask("POST", "/register", `{"allowfrom":["`+strings.Repeat("\x7f", 16000)+`"]}`)
		b.want("a long entry", a, 400, `{"error": "invalid_allowfrom_cidr"}`)
		if added := len(b.log.String()) - before; added > 1000 {
			t.Errorf("a long entry is %d octets in the log", added)
		}
	})
}

// TestRefusedLoginsTakeTheSameTime, whether there is such an account, one that was
// imported, or none. How much they differ, it logs.
func TestRefusedLoginsTakeTheSameTime(t *testing.T) {
	b := start(t, func(o *api.Options) { o.Limits.RefusalTime = 0 })
	known := b.register("")
	imported := b.importedAccount(1, bcrypt.MinCost+2) // the race detector makes a check of acme-dns' cost take seconds
	elsewhere := b.register(`{"allowfrom":["192.0.2.1"]}`)
	unknown := credentials{Username: "00000000-0000-4000-8000-00000000ffff", Subdomain: known.Subdomain}
	took := make(map[string][]time.Duration)
	var mu sync.Mutex
	var all sync.WaitGroup
	for kind, c := range map[string]credentials{"known": known, "imported": imported, "unknown": unknown, "from elsewhere": elsewhere} {
		all.Go(func() {
			for range 5 {
				if kind != "from elsewhere" {
					c.Password = zone.NewPassword()
				}
				began := time.Now()
				b.want(kind, b.update(c, txt(known)), 401, forbiddenBody)
				mu.Lock()
				took[kind] = append(took[kind], time.Since(began))
				mu.Unlock()
			}
		})
	}
	all.Wait()
	for kind, times := range took {
		slices.Sort(times)
		t.Logf("%-15s %v", kind, times)
		if times[0] < 250*time.Millisecond {
			t.Errorf("%s: answered after %v", kind, times[0])
		}
	}
}
