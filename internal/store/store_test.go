package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/acmezone/acmezone/internal/zone"
)

// clock is a time that a test moves.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func newClock() *clock { return &clock{time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)} }

func options(t testing.TB, c *clock) Options {
	return Options{
		Path: filepath.Join(t.TempDir(), "acmezone.db"), Zone: "auth.test.", Policy: zone.SerialUnixTime,
		MaxValues: 3, Now: c.now, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

func mustOpen(t testing.TB, opts Options) *Store {
	t.Helper()
	s, err := Open(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func reopen(t testing.TB, s *Store) *Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return mustOpen(t, s.opts)
}

// do commits and fails the test unless each change has the error wanted of it.
func do(t testing.TB, s *Store, changes []zone.Change, want ...error) *zone.Snapshot {
	t.Helper()
	snap, errs := s.Commit(changes)
	for i, err := range errs {
		var w error
		if i < len(want) {
			w = want[i]
		}
		if !errors.Is(err, w) {
			t.Fatalf("change %d (%T): %v, want %v", i, changes[i], err, w)
		}
	}
	return snap
}

func one(c zone.Change) []zone.Change { return []zone.Change{c} }

func account(name string) zone.Account {
	return zone.Account{Username: "user-" + name, Subdomain: name, Password: zone.SecretOf("pw-" + name)}
}

func set(name, text string) zone.SetValue {
	return zone.SetValue{Account: "user-" + name, Owner: name, Text: text}
}

func texts(s *zone.Snapshot, owner string) []string {
	if r, _ := s.Lookup(owner); r != nil {
		return r.Texts()
	}
	return nil
}

func TestEverythingIsThereAfterReopening(t *testing.T) {
	c := newClock()
	s := mustOpen(t, options(t, c))
	a := account("a")
	a.AllowFrom, _ = zone.ParseAllowList([]string{"192.0.2.0/24"})
	a.Comment = "web server"
	do(t, s, []zone.Change{
		zone.Register{Account: a}, zone.Register{Account: account("b")},
		set("a", "1"), set("a", "2"), set("b", "3"), zone.SetValue{Owner: "_acme-challenge.x", Text: "own"},
	})
	before := s.Snapshot()
	s = reopen(t, s)
	after := s.Snapshot()
	if after.Serial() != before.Serial() || after.Seq() != before.Seq() || after.Len() != 3 {
		t.Errorf("serial %d, seq %d, %d names; before: %d, %d", after.Serial(), after.Seq(), after.Len(), before.Serial(), before.Seq())
	}
	if diff := cmp.Diff([]string{"1", "2"}, texts(after, "a")); diff != "" {
		t.Error(diff)
	}
	got, err := s.Account(context.Background(), "user-a")
	if err != nil {
		t.Fatal(err)
	}
	if !got.Password.Matches("pw-a") || got.Comment != "web server" || !got.Created.Equal(c.t) || !got.Updated.Equal(c.t) ||
		!slices.Equal(got.AllowFrom.Strings(), []string{"192.0.2.0/24"}) {
		t.Errorf("%+v", got)
	}
	if _, err := s.Account(context.Background(), "user-c"); !errors.Is(err, zone.ErrNoAccount) {
		t.Error(err)
	}
}

func TestOneBadChangeFailsAlone(t *testing.T) {
	s := mustOpen(t, options(t, newClock()))
	spent := zone.SecretOf("unknown token")
	snap := do(t, s, []zone.Change{
		zone.Register{Account: account("a")},
		zone.Register{Account: account("a")},
		set("nobody", "1"),
		zone.Register{Account: account("b"), Token: &spent},
		zone.Register{Account: account("_acme-challenge")},
		zone.SetValue{Account: "user-a", Owner: "b", Text: "1"},
		zone.SetValue{Owner: "a", Text: "1"},
		zone.RemoveAccount{Username: "user-x"},
		zone.RevokeToken{ID: "none"},
		set("a", "2"),
	}, nil, zone.ErrTaken, zone.ErrNoAccount, zone.ErrToken, zone.ErrTaken, zone.ErrNoAccount,
		zone.ErrNoAccount, zone.ErrNoAccount, zone.ErrToken, nil)
	if got := texts(snap, "a"); !slices.Equal(got, []string{"2"}) {
		t.Error(got)
	}
	if _, err := s.Account(context.Background(), "user-b"); !errors.Is(err, zone.ErrNoAccount) {
		t.Errorf("an account whose token was refused is there: %v", err)
	}
}

func TestSerialMovesWithDataOnly(t *testing.T) {
	c := newClock()
	s := mustOpen(t, options(t, c))
	first := s.Snapshot().Serial()
	step := func(what string, moves bool, changes ...zone.Change) {
		t.Helper()
		before := s.Snapshot().Serial()
		after := do(t, s, changes).Serial()
		if (before != after) != moves || !after.Reached(before) {
			t.Errorf("%s: serial %d to %d", what, before, after)
		}
	}
	step("a registration", false, zone.Register{Account: account("a")})
	step("a value", true, set("a", "1"))
	step("the same value", false, set("a", "1"))
	step("nothing due", false, zone.Expire{Before: c.t.Add(-time.Hour), Owners: []string{"a"}})
	step("a heartbeat", false, zone.Heartbeat{})
	step("a value and its removal", false, set("a", "2"), zone.RemoveValue{Owner: "a", Text: "2"})
	c.t = c.t.Add(-24 * time.Hour)
	step("a value with the clock set back", true, set("a", "3"))
	step("removal", true, zone.RemoveValue{Owner: "a", Text: "3"})
	step("removal again", false, zone.RemoveValue{Owner: "a", Text: "3"})
	if s = reopen(t, s); !first.Less(s.Snapshot().Serial()) {
		t.Error("the serial went back")
	}
}

func TestValuesPerName(t *testing.T) {
	c := newClock()
	s := mustOpen(t, options(t, c))
	do(t, s, []zone.Change{zone.Register{Account: account("a")}, set("a", "1"), set("a", "2"), set("a", "3"), set("a", "1"), set("a", "4")})
	want := []string{"3", "1", "4"}
	if got := texts(s.Snapshot(), "a"); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if s = reopen(t, s); !slices.Equal(texts(s.Snapshot(), "a"), want) {
		t.Errorf("after reopening: %v", texts(s.Snapshot(), "a"))
	}
	do(t, s, one(set("a", "5")))
	if got := texts(s.Snapshot(), "a"); !slices.Equal(got, []string{"1", "4", "5"}) {
		t.Errorf("the order was lost: %v", got)
	}
}

func TestExpiry(t *testing.T) {
	c := newClock()
	s := mustOpen(t, options(t, c))
	do(t, s, []zone.Change{zone.Register{Account: account("a")}, zone.Register{Account: account("b")}, set("a", "old"), set("a", "kept"), set("b", "old")})
	c.t = c.t.Add(time.Hour)
	do(t, s, one(set("a", "kept")))
	before := c.t.Add(-time.Minute)
	due := s.Snapshot().Due(before.Unix())
	do(t, s, []zone.Change{set("a", "old2"), zone.Expire{Before: before, Owners: due}})
	s = reopen(t, s)
	if got := texts(s.Snapshot(), "a"); !slices.Equal(got, []string{"kept", "old2"}) || s.Snapshot().Len() != 1 || len(due) != 2 {
		t.Errorf("%v, %d names", got, s.Snapshot().Len())
	}
}

func TestRemovedNameIsNeverGivenOutAgain(t *testing.T) {
	s := mustOpen(t, options(t, newClock()))
	do(t, s, []zone.Change{zone.Register{Account: account("a")}, set("a", "1")})
	if _, err := s.Account(context.Background(), "user-a"); err != nil {
		t.Fatal(err)
	}
	do(t, s, one(zone.RemoveAccount{Username: "user-a"}))
	if _, err := s.Account(context.Background(), "user-a"); !errors.Is(err, zone.ErrNoAccount) {
		t.Errorf("a removed account is still known: %v", err)
	}
	do(t, s, one(set("a", "1")), zone.ErrNoAccount)
	if s.Snapshot().Len() != 0 {
		t.Error("values of a removed account are left")
	}
	s = reopen(t, s)
	again := account("a")
	again.Username = "someone-else"
	do(t, s, []zone.Change{zone.Register{Account: again}, set("a", "1")}, zone.ErrTaken, zone.ErrNoAccount)
}

func TestTokenUsesAndExpiry(t *testing.T) {
	c := newClock()
	s := mustOpen(t, options(t, c))
	two := zone.Token{ID: "two", Secret: zone.SecretOf("two"), Uses: 2}
	any := zone.Token{ID: "any", Secret: zone.SecretOf("any"), Uses: -1, Expires: c.t.Add(time.Hour), Comment: "office"}
	do(t, s, []zone.Change{zone.CreateToken{Token: two}, zone.CreateToken{Token: any}, zone.CreateToken{Token: two}}, nil, nil, zone.ErrTaken)
	with := func(name string, token zone.Token) zone.Change {
		return zone.Register{Account: account(name), Token: &token.Secret}
	}
	do(t, s, []zone.Change{with("a", two), with("a", two), with("b", two), with("c", two), with("d", any), with("e", any)},
		nil, zone.ErrTaken, nil, zone.ErrToken, nil, nil)
	for secret, spent := range map[string]bool{"two": true, "any": false} {
		if token, err := s.TokenOf(context.Background(), zone.SecretOf(secret)); err != nil || token.Spent(c.t) != spent {
			t.Errorf("%+v: %v, want spent %t", token, err, spent)
		}
	}
	if _, err := s.TokenOf(context.Background(), zone.SecretOf("none")); !errors.Is(err, zone.ErrToken) {
		t.Error(err)
	}
	tokens, err := s.Tokens(context.Background())
	if err != nil || len(tokens) != 2 || tokens[0].ID != "any" || tokens[0].Uses != -1 || tokens[0].Comment != "office" || tokens[1].Uses != 0 {
		t.Errorf("%+v, %v", tokens, err)
	}
	c.t = c.t.Add(time.Hour)
	if token, err := s.TokenOf(context.Background(), any.Secret); err != nil || !token.Expired(c.t) {
		t.Errorf("an expired token: %+v, %v", token, err)
	}
	do(t, s, []zone.Change{with("f", any), zone.RevokeToken{ID: "any"}, with("g", any)}, zone.ErrToken, nil, zone.ErrToken)
}

func TestBrokenAllowListClosesTheAccount(t *testing.T) {
	s := mustOpen(t, options(t, newClock()))
	do(t, s, one(zone.Register{Account: account("a")}))
	for _, broken := range []string{
		"nonsense", "", "null", "{}", "0", `""`, `"127.0.0.0/8"`, "[1]", "[null]", `[""]`, `["  "]`, `["127.0.0.0/8", ""]`,
		`["127.0.0.0/33"]`, `["127.0.0.0/8", "x"]`, `["127.0.0.0/8"`, `["127.0.0.0/8"] x`, `["::1%lo"]`, "\xff\x00",
	} {
		s.cache.forgetAll()
		if _, err := s.writer.exec("UPDATE accounts SET allowfrom = ?", broken); err != nil {
			t.Fatal(err)
		}
		a, err := s.Account(context.Background(), "user-a")
		if err != nil || a.AllowFrom.Open() || a.AllowFrom.Allows(loopback) {
			t.Errorf("%q: open, %v", broken, err)
		}
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	s := mustOpen(t, options(t, newClock()))
	opts := s.opts
	opts.LockWait = 100 * time.Millisecond
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(opts.Path, link); err != nil {
		t.Fatal(err)
	}
	for _, opts.Path = range []string{opts.Path, link} {
		_, err := Open(context.Background(), opts)
		var locked *LockedError
		if !errors.As(err, &locked) || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) {
			t.Errorf("%v", err)
		}
	}
}

func TestForkIsNoticed(t *testing.T) {
	for what, do := range map[string]func(path string) error{
		"another writer": func(path string) error { return execute(path, "UPDATE zone_state SET serial = serial + 1") },
		"the file is gone": func(path string) error {
			return os.Rename(path, path+".moved")
		},
	} {
		t.Run(what, func(t *testing.T) {
			s, err := Open(context.Background(), options(t, newClock()))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := do(s.opts.Path); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, errs := s.Commit(one(zone.Register{Account: account("a")})); !errors.Is(errs[0], zone.ErrForked) {
					t.Errorf("%v", errs[0])
				}
			}
		})
	}
}

func execute(path, statement string) error {
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		return err
	}
	_, err = db.Exec(statement)
	return errors.Join(err, db.Close())
}

func TestAnErrorInATransactionTakesAllOfItBack(t *testing.T) {
	s := mustOpen(t, options(t, newClock()))
	do(t, s, []zone.Change{zone.Register{Account: account("a")}, set("a", "1")})
	before := s.Snapshot()
	if err := execute(s.opts.Path, "CREATE TRIGGER broken BEFORE INSERT ON challenges BEGIN SELECT no_such_function(); END"); err != nil {
		t.Fatal(err)
	}
	snap, errs := s.Commit([]zone.Change{zone.Register{Account: account("b")}, set("a", "2"), set("nobody", "1")})
	for i, want := range []error{zone.ErrNotStored, zone.ErrNotStored, zone.ErrNotStored} {
		if !errors.Is(errs[i], want) {
			t.Errorf("change %d: %v, want %v", i, errs[i], want)
		}
	}
	if snap != before || s.writer != nil {
		t.Error("a failed batch is shown, or the connection is trusted still")
	}
	if err := execute(s.opts.Path, "DROP TRIGGER broken"); err != nil {
		t.Fatal(err)
	}
	do(t, s, []zone.Change{zone.Register{Account: account("b")}, set("a", "2")})
	if got := texts(s.Snapshot(), "a"); !slices.Equal(got, []string{"1", "2"}) {
		t.Error(got)
	}
}

func TestZoneNameChangeIsNoted(t *testing.T) {
	var log strings.Builder
	s := mustOpen(t, options(t, newClock()))
	s.Close()
	opts := s.opts
	opts.Zone, opts.Log = "other.test.", slog.New(slog.NewTextHandler(&log, nil))
	mustOpen(t, opts).Close()
	mustOpen(t, opts)
	if n := strings.Count(log.String(), "was=auth.test. now=other.test."); n != 1 {
		t.Errorf("said %d times:\n%s", n, &log)
	}
}

func TestAccountCacheForgetsWhatWasRemovedDuringALookUp(t *testing.T) {
	var c accountCache
	now := newClock().t
	_, _, state := c.get("user-a", now)
	c.forget("user-a") // removed while the look-up was reading it
	c.put(account("a"), now, state)
	if _, ok, _ := c.get("user-a", now); ok {
		t.Error("a removed account is remembered")
	}
	_, _, state = c.get("user-a", now)
	c.put(account("a"), now, state)
	if _, ok, _ := c.get("user-a", now.Add(cachedFor-1)); !ok {
		t.Error("an account isn't remembered")
	}
	if _, ok, _ := c.get("user-a", now.Add(cachedFor)); ok {
		t.Error("an account is remembered for too long")
	}
	for i := range 2 * maxCached {
		c.put(account(fmt.Sprint(i)), now, state)
	}
	if len(c.accounts) > maxCached {
		t.Errorf("%d accounts remembered", len(c.accounts))
	}
}

func TestAccountCacheLeavesLongAllowListsOut(t *testing.T) {
	var c accountCache
	now := newClock().t
	a := account("a")
	for entries, want := range map[int]bool{maxNetworks: true, maxNetworks + 1: false} {
		list, err := zone.ParseAllowList(slices.Repeat([]string{"192.0.2.0/24"}, entries))
		if err != nil {
			t.Fatal(err)
		}
		a.AllowFrom = list
		c.forgetAll()
		_, _, state := c.get(a.Username, now)
		c.put(a, now, state)
		if _, got, _ := c.get(a.Username, now); got != want {
			t.Errorf("%d networks: remembered %t", entries, got)
		}
	}
}

func TestDeletedFileIsNoticed(t *testing.T) {
	for _, suffix := range []string{"", "-wal"} {
		s := mustOpen(t, options(t, newClock()))
		do(t, s, one(zone.Register{Account: account("a")}))
		do(t, s, one(set("a", "1")))
		if err := os.Remove(s.opts.Path + suffix); err != nil {
			t.Fatal(err)
		}
		do(t, s, one(set("a", "2")), zone.ErrForked)
	}
}
