package api_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/acmezone/acmezone/internal/api"
	"github.com/acmezone/acmezone/internal/zone"
)

// importedAccount puts an account with a bcrypt hash into the database, as an import
// does, and returns what its client has.
func (b *bed) importedAccount(n int, cost int, allowFrom ...string) credentials {
	b.t.Helper()
	c := credentials{
		Username: fmt.Sprintf("00000000-0000-4000-8000-%012d", n), Subdomain: fmt.Sprintf("imported-%d", n),
		Password: zone.NewPassword(),
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(c.Password), cost)
	if err != nil {
		b.t.Fatal(err)
	}
	list, err := zone.ParseAllowList(allowFrom)
	if err != nil {
		b.t.Fatal(err)
	}
	row := zone.ImportRow{Account: zone.Account{Username: c.Username, Subdomain: c.Subdomain, Bcrypt: string(hash), AllowFrom: list}}
	def, err := zone.Define(zone.Spec{Name: "auth.test"})
	if err != nil {
		b.t.Fatal(err)
	}
	var result zone.ImportResult
	rows := func(yield func(zone.ImportRow, error) bool) { yield(row, nil) }
	err = b.changes.Commit(context.Background(), zone.Import{Rows: rows, Definition: def, Result: &result})
	if err != nil || result.New != 1 {
		b.t.Fatalf("%+v, %v", result, err)
	}
	return c
}

func TestClientOfAnImportGoesOn(t *testing.T) {
	b := start(t, nil)
	c := b.importedAccount(1, bcrypt.MinCost) // the race detector makes a check of acme-dns' cost take seconds
	wrong := c
	wrong.Password = zone.NewPassword()
	for range 2 {
		b.want("wrong password", b.update(wrong, txt(c)), 401, `{"error": "forbidden"}`)
	}
	if a, err := b.db.Account(t.Context(), c.Username); err != nil || a.Bcrypt == "" {
		t.Errorf("%+v, %v", a, err)
	}
	for range 2 {
		b.want("right password", b.update(c, txt(c)), 200, `{"txt": "`+challenge+`"}`)
		b.want("wrong password", b.update(wrong, txt(c)), 401, `{"error": "forbidden"}`)
	}
	if a, err := b.db.Account(t.Context(), c.Username); err != nil || a.Bcrypt != "" || !a.Password.Matches(c.Password) {
		t.Errorf("the fast hash hasn't taken its place: %+v, %v", a, err)
	}
	elsewhere := b.importedAccount(2, bcrypt.MinCost, "192.0.2.0/24")
	b.want("address not allowed", b.update(elsewhere, txt(elsewhere)), 401, `{"error": "forbidden"}`)
}

func TestPasswordOfAnImportOutlivesARotation(t *testing.T) {
	b := start(t, nil)
	old := b.importedAccount(1, bcrypt.MinCost)
	fresh, wrong := old, old
	fresh.Password, wrong.Password = zone.NewPassword(), zone.NewPassword()
	rotate := zone.RotatePassword{Username: old.Username, Password: zone.SecretOf(fresh.Password), OldUntil: time.Now().Add(time.Hour)}
	if err := b.changes.Commit(t.Context(), rotate); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the old one by the hash that came, and by the fast one
		b.wantUpdate("new password", fresh, 200)
		b.wantUpdate("wrong password", wrong, 401)
		b.wantUpdate("old password", old, 200)
	}
	rotate.OldUntil = time.Time{}
	if err := b.changes.Commit(t.Context(), rotate); err != nil {
		t.Fatal(err)
	}
	b.wantUpdate("old password, given no time", old, 401)
}

// TestImportedAccountIsStoredAtOnce: the account store asks for the account's own
// password, and takes it although only the slow hash is there.
func TestImportedAccountIsStoredAtOnce(t *testing.T) {
	b := start(t, nil)
	c := b.importedAccount(1, bcrypt.MinCost)
	c.FullDomain = c.Subdomain + ".auth.test"
	b.mustStore(b.tenant("t", "a.test").token, "a.test", c)
}

// TestImportedClientMaySendManyAtOnce: a certificate for many domains of one account
// begins with as many updates, before any of them has brought the fast hash.
func TestImportedClientMaySendManyAtOnce(t *testing.T) {
	b := start(t, nil)
	c := b.importedAccount(1, bcrypt.DefaultCost)
	var updates sync.WaitGroup
	for range 50 {
		updates.Go(func() { b.wantUpdate("one of many", c, 200) })
	}
	updates.Wait()
}

// refusing is a pipeline that writes no password.
type refusing struct{ api.Changes }

func (r refusing) Commit(ctx context.Context, change zone.Change) error {
	if _, ok := change.(zone.ReplacePassword); ok {
		return fmt.Errorf("%w: on purpose", zone.ErrNotStored)
	}
	return r.Changes.Commit(ctx, change)
}

func TestHashThatCantBeReplacedIsNoReasonToRefuse(t *testing.T) {
	b := start(t, func(o *api.Options) { o.Changes = refusing{o.Changes} })
	c := b.importedAccount(1, bcrypt.MinCost)
	for range 2 {
		b.want("update", b.update(c, txt(c)), 200, `{"txt": "`+challenge+`"}`)
	}
	if a, err := b.db.Account(t.Context(), c.Username); err != nil || a.Bcrypt == "" {
		t.Errorf("%+v, %v", a, err)
	}
	if !strings.Contains(b.log.String(), "the bcrypt hash of an account stays for now") {
		t.Error("it isn't logged")
	}
}

// stuck is a pipeline whose disk doesn't come back from the writing of a password.
type stuck struct{ api.Changes }

func (s stuck) Commit(ctx context.Context, change zone.Change) error {
	if _, ok := change.(zone.ReplacePassword); ok {
		<-ctx.Done()
		return fmt.Errorf("%w: %w", zone.ErrNotStored, ctx.Err())
	}
	return s.Changes.Commit(ctx, change)
}

// TestHashThatIsNotReplacedInTimeEndsTheRequest: the account store waits no longer for the
// fast hash than for anything else, since a service that stops waits for it.
func TestHashThatIsNotReplacedInTimeEndsTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startTimeless(t, nil, func(o *api.Options) { o.Changes = stuck{o.Changes} })
		c := b.importedAccount(1, bcrypt.MinCost)
		c.FullDomain = c.Subdomain + ".auth.test"
		b.http.Timeout = 2 * enough
		b.want("a disk that is stuck", b.store(b.tenant("t", "a.test").token, "a.test", c), 503, `{"error": "not_stored"}`)
	})
}

// TestSlowHashesHoldUpNobodyElse: a flood of wrong passwords at an imported account is
// turned away, and others are served meanwhile.
func TestSlowHashesHoldUpNobodyElse(t *testing.T) {
	b := start(t, nil)
	slow, fast := b.importedAccount(1, bcrypt.DefaultCost), b.register("")
	imported := b.importedAccount(2, bcrypt.DefaultCost)
	var mu sync.Mutex
	statuses := make(map[int]int)
	var flood sync.WaitGroup
	for range 200 {
		flood.Go(func() {
			wrong := slow
			wrong.Password = zone.NewPassword()
			a := b.update(wrong, txt(slow))
			mu.Lock()
			defer mu.Unlock()
			statuses[a.status]++
			if a.status == 503 && a.body != `{"error": "busy"}` {
				t.Errorf("%s", a.body)
			}
		})
	}
	b.want("another account", b.update(fast, txt(fast)), 200, `{"txt": "`+challenge+`"}`)
	b.wantUpdate("another account of the import", imported, 200)
	flood.Wait()
	if statuses[503] == 0 || statuses[401] == 0 || statuses[401]+statuses[503] != 200 {
		t.Errorf("%v", statuses)
	}
	b.want("afterwards", b.update(slow, txt(slow)), 200, `{"txt": "`+challenge+`"}`)
}
