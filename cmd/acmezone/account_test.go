package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
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
	server := startAuthTest(t)
	config := writeNSDConfig(t, t.TempDir(), server)
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
	eventually(t, "it is answered", func() bool { return slices.Contains(p.texts(a.FullDomain), value) })
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
