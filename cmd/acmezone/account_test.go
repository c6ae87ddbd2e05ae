package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zone"
)

// rotatePassword rotates through the running service and returns the new password.
func rotatePassword(t *testing.T, config string, args ...string) string {
	t.Helper()
	out, errs, code := command(t, append([]string{"account", "rotate", "--config", config}, args...)...)
	if code != exitDone {
		t.Fatal(errs)
	}
	return strings.TrimSpace(out)
}

func TestRotatedPasswordReplacesTheOldOne(t *testing.T) {
	config := writeTestConfig(t, t.TempDir())
	p := start(t, config)
	old, _ := p.register()
	fresh := old
	fresh.Password = rotatePassword(t, config, old.Subdomain)
	if status := p.update(fresh, newValue()); status != http.StatusOK {
		t.Errorf("status %d with the new password", status)
	}
	// What was looked up before the rotation is remembered for a second at the most.
	eventually(t, "the old password is refused", func() bool { return p.update(old, newValue()) == http.StatusUnauthorized })

	graced := fresh
	graced.Password = rotatePassword(t, config, old.FullDomain, "--grace", "1h")
	for _, a := range []registered{graced, fresh} {
		if status := p.update(a, newValue()); status != http.StatusOK {
			t.Errorf("status %d while both are good", status)
		}
	}
	last := graced
	last.Password = rotatePassword(t, config, old.Username, "--grace", "1s")
	for _, a := range []registered{fresh, graced} {
		eventually(t, "older passwords end", func() bool { return p.update(a, newValue()) == http.StatusUnauthorized })
	}
	if status := p.update(last, newValue()); status != http.StatusOK {
		t.Errorf("status %d with the last password", status)
	}
	for _, a := range []registered{old, fresh, graced, last} {
		if strings.Contains(p.log.String(), a.Password) {
			t.Error("a password is in the log")
		}
	}
}

func TestRemovedAccountIsForgottenByTheRunningService(t *testing.T) {
	config := writeTestConfig(t, t.TempDir())
	p := start(t, config)
	a, _ := p.register()
	if p.update(a, newValue()) != http.StatusOK {
		t.Fatal("no update")
	}
	if _, errs, code := command(t, "account", "remove", "--yes", a.Username, "--config", config); code != exitDone {
		t.Fatal(errs)
	}
	eventually(t, "its value is gone", func() bool { return len(p.texts(a.FullDomain)) == 0 })
	eventually(t, "its password is refused", func() bool { return p.update(a, newValue()) == http.StatusUnauthorized })
}

// TestUpdateCommandIsAnsweredWhenItIsDone asks the name server itself.
func TestUpdateCommandIsAnsweredWhenItIsDone(t *testing.T) {
	config := writeTestConfig(t, t.TempDir())
	p := start(t, config)
	a, _ := p.register()
	for range 20 {
		value := newValue()
		if _, errs, code := command(t, "update", a.FullDomain, value, "--config", config); code != exitDone {
			t.Fatal(errs)
		}
		if got := p.texts(a.FullDomain); !slices.Contains(got, value) {
			t.Errorf("%q is not answered: %q", value, got)
		}
	}
	if _, errs, code := command(t, "update", a.FullDomain, "--remove", "--config", config); code != exitDone {
		t.Fatal(errs)
	}
	if got := p.texts(a.FullDomain); len(got) > 0 {
		t.Errorf("still answered after the removal: %q", got)
	}
}

// TestUpdateCommandThatIsNotPublished: NSD is away, so the value is stored and no more.
func TestUpdateCommandThatIsNotPublished(t *testing.T) {
	t.Parallel()
	server := startAuthTest(t)
	config := writeNSDConfig(t, t.TempDir(), server)
	impatient(t, config)
	p := startBeside(t, config, server)
	a, _ := p.register()
	server.Kill()
	value := newValue()
	out, errs, code := command(t, "update", a.Subdomain, value, "--config", config)
	if code != exitFailed || out != "" || strings.Count(errs, "\n") != 1 ||
		!strings.HasPrefix(errs, "acmezone: the change is stored and will be answered without another try, but isn't yet: ") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	shown, errs, _ := command(t, "account", "show", a.Subdomain, "--json", "--config", config)
	if !strings.Contains(shown, value) {
		t.Errorf("not stored: %s%s", shown, errs)
	}
	server.Restart()
	eventually(t, "it is answered", func() bool { return slices.Contains(textsIn(p.askInReload(a.FullDomain, dns.TypeTXT)), value) })
}

func TestTimesInJSONAreOfTheSecondAndInUTC(t *testing.T) {
	config := writeTestConfig(t, t.TempDir())
	start(t, config)
	out, errs, code := command(t, "token", "create", "--json", "--expires", "24h", "--config", config)
	var token struct{ Created, Expires time.Time }
	if err := json.Unmarshal([]byte(out), &token); err != nil || code != exitDone {
		t.Fatal(err, errs)
	}
	if token.Expires.Sub(token.Created) != 24*time.Hour || token.Created.Nanosecond() != 0 || token.Created.Location() != time.UTC {
		t.Error(out)
	}
}

// TestAccountsOverServer: a token's holder sees the accounts of its domains, and sets
// their values, from another machine.
func TestAccountsOverServer(t *testing.T) {
	dir := t.TempDir()
	config := writeTestConfig(t, dir)
	p := start(t, config)
	mustCommand(t, "cname", "operators.example", "--config", config)
	token := makeToken(t, dir, "*.test")
	remote := func(args ...string) []string {
		return append(args, "--server", "http://"+p.api, "--token", token)
	}
	mustCommand(t, remote("cname", "a.test", "b.test")...)
	var here, there []accountView
	for out, into := range map[string]*[]accountView{
		mustCommand(t, "account", "list", "--search", ".test", "--json", "--config", config): &here,
		mustCommand(t, remote("account", "list", "--json")...):                               &there,
	} {
		if err := json.Unmarshal([]byte(out), into); err != nil {
			t.Fatal(err, out)
		}
	}
	if len(here) != 2 || len(there) != 2 {
		t.Fatalf("%+v, %+v", here, there)
	}
	for i := range here {
		if a, b := here[i], there[i]; a.Username != b.Username || a.FullDomain != b.FullDomain || a.Domain != b.Domain {
			t.Errorf("%+v, over --server %+v", a, b)
		}
	}
	if out := mustCommand(t, remote("account", "list", "--limit", "1")...); strings.Count(out, "\n") != 2 {
		t.Error(out)
	}
	rest := mustCommand(t, remote("account", "list", "--after", there[0].Username)...)
	if strings.Contains(rest, there[0].Subdomain) || !strings.Contains(rest, there[1].Subdomain) {
		t.Errorf("after the first of two: %s", rest)
	}
	if out := mustCommand(t, remote("account", "show", "b.test", "--json")...); !strings.Contains(out, `"values":null`) {
		t.Error(out)
	}
	value := newValue()
	out := mustCommand(t, remote("update", "a.test", value)...)
	if full := here[slices.IndexFunc(here, func(a accountView) bool { return a.Domain == "a.test" })].FullDomain; out != full+". TXT \""+value+"\"\n" || !slices.Contains(p.texts(full), value) {
		t.Error(out)
	}
	for _, args := range [][]string{
		{"update", "a.test", "--remove"},
		{"update", "operators.example", newValue()},
		{"account", "list", "--idle", "30d"},
	} {
		if out, errs, code := command(t, remote(args...)...); code != exitFailed || out != "" && !strings.HasPrefix(out, "SUBDOMAIN") || strings.Count(errs, "\n") != 1 {
			t.Errorf("%v: exit code %d, %s%s", args, code, out, errs)
		}
	}
}

// TestRotationKeepsTheOldCredentialsWhereItFails: the file that a client reads stays
// right.
func TestRotationKeepsTheOldCredentialsWhereItFails(t *testing.T) {
	dir := t.TempDir()
	config, storage := writeTestConfig(t, dir), filepath.Join(dir, "accounts.json")
	mustCommand(t, "cname", "a.test", "--config", config, "--storage", storage)
	before := accountsIn(t, storage)
	file, err := openAccountFile(t.Context(), storage)
	if err != nil {
		t.Fatal(err)
	}
	r := rotation{control: refusing{}, keep: &keeper{file}}
	_, err = r.rotate(t.Context(), zone.Account{Username: before["a.test"].Username, Domains: []string{"a.test", "new.test"}})
	if err := file.close(); err != nil {
		t.Fatal(err)
	}
	if after := accountsIn(t, storage); !errors.Is(err, zone.ErrNotStored) || !maps.Equal(before, after) {
		t.Errorf("%v: %v, was %v", err, after, before)
	}
}

// refusing stores nothing.
type refusing struct{ control }

func (refusing) Do(context.Context, zone.Change) error { return zone.ErrNotStored }

// inPages is a control of many accounts. It reads what was printed before it hands out
// the next page.
type inPages struct {
	control
	pages   int
	printed *bytes.Buffer
	t       *testing.T
}

func (p *inPages) Accounts(_ context.Context, filter zone.AccountFilter) ([]zone.Account, error) {
	if filter.After != "" && !strings.Contains(p.printed.String(), filter.After) {
		p.t.Errorf("a page is asked for before %s was printed", filter.After)
	}
	if p.pages--; p.pages == 0 {
		return nil, zone.ErrNotStored
	}
	page := make([]zone.Account, filter.Limit)
	for i := range page {
		page[i].Username = fmt.Sprintf("%d-%d", p.pages, i)
		page[i].Subdomain = page[i].Username
	}
	return page, nil
}

func TestAccountsArePrintedAsTheyCome(t *testing.T) {
	for name, list := range map[string]func(surroundings, *inPages) error{
		"json": func(s surroundings, p *inPages) error {
			return encodeAccounts(s.stdout, accountPages(t.Context(), p, zone.AccountFilter{}, 0))
		},
		"table": func(s surroundings, p *inPages) error {
			return printAccounts(s, accountPages(t.Context(), p, zone.AccountFilter{}, 0), 0)
		},
	} {
		var out bytes.Buffer
		err := list(surroundings{stdout: &out, stderr: io.Discard}, &inPages{nil, 4, &out, t})
		if !errors.Is(err, zone.ErrNotStored) || strings.Count(out.String(), "\n") < 3*accountsPage {
			t.Errorf("%s: %v, %d bytes", name, err, out.Len())
		}
		if name == "json" && json.Valid(out.Bytes()) {
			t.Error("after an error the list looks whole")
		}
	}
}
