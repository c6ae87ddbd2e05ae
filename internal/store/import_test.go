package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/acmezone/acmezone/internal/zone"
)

const someBcrypt = "$2a$10$WAyZF0Y0PHuhqVWhzmyXKu3bsJ4.kLJgoLCOhEpTTeOq4S1ryOJs2"

// imported is an account with a number for a name and those values.
func imported(i int, values ...zone.Value) zone.ImportRow {
	return zone.ImportRow{
		Account: zone.Account{Username: fmt.Sprintf("00000000-0000-4000-8000-%012d", i), Subdomain: fmt.Sprintf("sub-%d", i), Bcrypt: someBcrypt},
		Values:  values,
	}
}

func value(c string, at time.Time) zone.Value {
	return zone.Value{Text: strings.Repeat(c, 43), SetAt: at.Unix()}
}

func sequence(rows ...zone.ImportRow) iter.Seq2[zone.ImportRow, error] {
	return func(yield func(zone.ImportRow, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func testDefinition(t testing.TB) *zone.Definition {
	t.Helper()
	def, err := zone.Define(zone.Spec{Name: "auth.test", Records: []string{"www A 192.0.2.1"}, TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return def
}

// importInto commits one import with a lifetime of a day.
func importInto(t testing.TB, s *Store, dryRun bool, rows ...zone.ImportRow) zone.ImportResult {
	t.Helper()
	var result zone.ImportResult
	do(t, s, one(zone.Import{
		Rows: sequence(rows...), Definition: testDefinition(t), OlderThan: s.opts.Now().Add(-24 * time.Hour),
		DryRun: dryRun, Result: &result,
	}))
	return result
}

func TestImportTakesOverAndAgainChangesNothing(t *testing.T) {
	c := newClock()
	s := mustOpen(t, options(t, c))
	first := imported(1, value("b", c.t.Add(-time.Hour)), value("a", c.t.Add(-2*time.Hour)))
	first.Account.Updated = c.t.Add(-time.Hour)
	rows := []zone.ImportRow{first, imported(2, value("c", c.t.Add(-25*time.Hour))), imported(3)}
	want := zone.ImportResult{New: 3, Values: 2, TooOld: 1}

	before := s.Snapshot()
	if diff := cmp.Diff(want, importInto(t, s, true, rows...)); diff != "" {
		t.Error(diff)
	}
	if s.Snapshot().Serial() != before.Serial() || s.Snapshot().Len() != 0 {
		t.Error("a dry run has changed something")
	}
	if _, err := s.Account(context.Background(), first.Account.Username); !errors.Is(err, zone.ErrNoAccount) {
		t.Error("a dry run has made an account:", err)
	}

	if diff := cmp.Diff(want, importInto(t, s, false, rows...)); diff != "" {
		t.Error(diff)
	}
	serial := s.Snapshot().Serial()
	set, _ := s.Snapshot().Lookup("sub-1")
	if diff := cmp.Diff([]string{strings.Repeat("a", 43), strings.Repeat("b", 43)}, set.Texts()); diff != "" {
		t.Error(diff)
	}
	if got := time.Unix(set.Values[0].SetAt, 0); !got.Equal(c.t.Add(-2 * time.Hour)) {
		t.Errorf("the value was set at %v", got)
	}

	c.t = c.t.Add(time.Minute)
	again := importInto(t, s, false, rows...)
	if diff := cmp.Diff(zone.ImportResult{Present: 3, TooOld: 1}, again); diff != "" {
		t.Error(diff)
	}
	if s.Snapshot().Serial() != serial {
		t.Error("the same import again has moved the serial")
	}
	s = reopen(t, s)
	a, err := s.Account(context.Background(), first.Account.Username)
	if err != nil || a.Bcrypt != someBcrypt || a.Subdomain != "sub-1" || !a.Updated.Equal(c.t.Add(-time.Hour-time.Minute)) {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestImportNamesWhatItSkips(t *testing.T) {
	c := newClock()
	s := mustOpen(t, options(t, c))
	gone := zone.Account{Username: imported(9).Account.Username, Subdomain: "gone"}
	do(t, s, []zone.Change{zone.Register{Account: account("mine")}, zone.Register{Account: gone}, zone.RemoveAccount{Username: gone.Username}})
	importInto(t, s, false, imported(1))
	named := func(i int, subdomain string) zone.ImportRow {
		r := imported(i)
		r.Account.Subdomain = subdomain
		return r
	}
	noPassword := imported(10)
	noPassword.Account.Bcrypt = "$2a$31$" + someBcrypt[7:]
	noUUID := imported(11)
	noUUID.Account.Username = "somebody"
	result := importInto(t, s, false,
		named(1, "other"), named(2, "sub-1"), named(3, "mine"), named(4, "gone"), named(5, "_acme-challenge"),
		named(6, "www"), named(7, "a.b"), named(8, "UPPER"), noPassword, noUUID, named(12, ""), named(13, "*"),
		imported(14, zone.Value{Text: "short", SetAt: c.t.Unix()}))
	want := []string{
		"(other) is skipped: the same user name has the subdomain sub-1 here",
		"(sub-1) is skipped: its subdomain belongs to account 00000000-0000-4000-8000-000000000001 here",
		"(mine) is skipped: its subdomain belongs to account user-mine here",
		"(gone) is skipped: its name was given out here once and is never given out again",
		"(_acme-challenge) is skipped: its name is reserved for the service itself",
		"(www) is skipped: its name has a record in zone.records: take the record away first",
		"(a.b) is skipped: its subdomain is more than one label",
		`(UPPER) is skipped: the label "UPPER" has the character 'U'`,
		"(sub-10) is skipped: its password is no bcrypt hash that acme-dns makes",
		"(sub-11) is skipped: its user name is no UUID",
		"() is skipped: it has no subdomain",
		`(*) is skipped: the label "*" has the character '*'`,
		`(sub-14) loses the value "short": it is no DNS-01 value of 43 characters`,
	}
	var got []string
	for _, odd := range result.Odd {
		got = append(got, odd[strings.Index(odd, "("):])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if result.New != 1 || result.Skipped != 12 {
		t.Errorf("%+v", result)
	}
}

// TestImportThatBreaksOffLeavesNothing: neither accounts nor values, while what is in
// the same batch goes on.
func TestImportThatBreaksOffLeavesNothing(t *testing.T) {
	c := newClock()
	s := mustOpen(t, options(t, c))
	broken := errors.New("the disk is gone")
	rows := func(yield func(zone.ImportRow, error) bool) {
		if yield(imported(1, value("a", c.t)), nil) {
			yield(zone.ImportRow{}, broken)
		}
	}
	var result zone.ImportResult
	snap := do(t, s, []zone.Change{
		zone.Register{Account: account("x")}, set("x", "1"),
		zone.Import{Rows: rows, Definition: testDefinition(t), Result: &result}, set("x", "2"),
	}, nil, nil, zone.ErrSource, nil)
	if diff := cmp.Diff([]string{"1", "2"}, texts(snap, "x")); diff != "" || snap.Len() != 1 {
		t.Error(diff, snap.Len())
	}
	if _, err := s.Account(context.Background(), imported(1).Account.Username); !errors.Is(err, zone.ErrNoAccount) {
		t.Error(err)
	}
}

// TestImportedValuesKeepToTheirTime: a value older than what is here doesn't push the
// newer out, and takes its place before them.
func TestImportedValuesKeepToTheirTime(t *testing.T) {
	c := newClock()
	s := mustOpen(t, options(t, c)) // three values a name
	importInto(t, s, false, imported(1))
	own := zone.SetValue{Account: imported(1).Account.Username, Owner: "sub-1", Text: strings.Repeat("x", 43)}
	do(t, s, one(own))
	result := importInto(t, s, false, imported(1, value("b", c.t.Add(-time.Minute)), value("a", c.t.Add(-time.Hour))))
	if result.Values != 2 {
		t.Errorf("%+v", result)
	}
	want := []string{strings.Repeat("a", 43), strings.Repeat("b", 43), own.Text}
	if diff := cmp.Diff(want, texts(s.Snapshot(), "sub-1")); diff != "" {
		t.Error(diff)
	}
	if again := importInto(t, s, false, imported(1, value("c", c.t.Add(-2*time.Hour)))); again.Values != 0 {
		t.Errorf("a value older than the three newest was taken: %+v", again)
	}
	s = reopen(t, s)
	if diff := cmp.Diff(want, texts(s.Snapshot(), "sub-1")); diff != "" {
		t.Error("after reopening:", diff)
	}
}

func TestBcryptGivesWayToTheFastHashOnce(t *testing.T) {
	s := mustOpen(t, options(t, newClock()))
	a := imported(1).Account
	importInto(t, s, false, imported(1))
	stored := func() zone.Account {
		t.Helper()
		got, err := s.Account(context.Background(), a.Username)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := stored(); got.Bcrypt != someBcrypt || got.Password != (zone.Secret{}) {
		t.Errorf("%+v", got)
	}
	do(t, s, one(zone.ReplacePassword{Username: a.Username, Bcrypt: "$2a$10$other", Password: zone.SecretOf("no")}))
	if got := stored(); got.Bcrypt != someBcrypt {
		t.Error("it was replaced although another hash was stored")
	}
	do(t, s, one(zone.ReplacePassword{Username: a.Username, Bcrypt: someBcrypt, Password: zone.SecretOf("pw")}))
	if got := stored(); got.Bcrypt != "" || !got.Password.Matches("pw") {
		t.Errorf("%+v", got)
	}
}

// TestRotationLeavesAHashThatWasNeverUsed: the client of an import keeps its password
// for the time that the operator gives it, like any other.
func TestRotationLeavesAHashThatWasNeverUsed(t *testing.T) {
	c := newClock()
	s := mustOpen(t, options(t, c))
	a := imported(1).Account
	importInto(t, s, false, imported(1))
	stored := func() zone.Account {
		t.Helper()
		got, err := s.Account(context.Background(), a.Username)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	until := c.t.Add(time.Hour).Truncate(time.Second)
	rotate := zone.RotatePassword{Username: a.Username, Password: zone.SecretOf("new"), OldUntil: until}
	do(t, s, one(rotate))
	got := stored()
	if got.Bcrypt != someBcrypt || !got.Ends.Equal(until) || !got.Password.Matches("new") {
		t.Errorf("%+v", got)
	}
	if !got.HasImported(until.Add(-time.Second)) || got.HasImported(until) {
		t.Error("the hash doesn't end when it was told to")
	}
	do(t, s, one(zone.ReplacePassword{Username: a.Username, Bcrypt: someBcrypt, Password: zone.SecretOf("old")}))
	got = stored()
	for _, plain := range []string{"new", "old"} {
		if !got.Accepts(plain, until.Add(-time.Second)) || got.Accepts("old", until) || got.Bcrypt != "" {
			t.Errorf("%s: %+v", plain, got)
		}
	}
	rotate.Password, rotate.OldUntil = zone.SecretOf("last"), time.Time{}
	do(t, s, one(rotate))
	if got := stored(); len(got.Further) != 0 || !got.Password.Matches("last") {
		t.Errorf("%+v", got)
	}
}

// TestImportedUpdateLiesInThePast: an account that was used tomorrow would never count
// as idle.
func TestImportedUpdateLiesInThePast(t *testing.T) {
	c := newClock()
	s := mustOpen(t, options(t, c))
	row := imported(1)
	row.Account.Updated = c.t.AddDate(5, 0, 0)
	importInto(t, s, false, row)
	if a, err := s.Account(context.Background(), row.Account.Username); err != nil || a.Updated.After(c.t) {
		t.Errorf("%v, %v", a.Updated, err)
	}
}

// TestClosedAllowListStaysClosed: what allows nobody must not be stored as the list
// that allows everybody.
func TestClosedAllowListStaysClosed(t *testing.T) {
	s := mustOpen(t, options(t, newClock()))
	row := imported(1)
	row.Account.AllowFrom = zone.ClosedList()
	importInto(t, s, false, row)
	a, err := s.Account(context.Background(), row.Account.Username)
	if err != nil || a.AllowFrom.Open() || a.AllowFrom.Allows(netip.MustParseAddr("192.0.2.1")) {
		t.Errorf("%v, %v", a.AllowFrom.Strings(), err)
	}
}
