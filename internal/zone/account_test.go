package zone

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestPasswordAlphabet(t *testing.T) {
	form := regexp.MustCompile(`^[A-Za-z0-9_-]{40}$`)
	a, b := NewPassword(), NewPassword()
	if !form.MatchString(a) || a == b {
		t.Errorf("%q, %q", a, b)
	}
	if s := SecretOf(a); !s.Matches(a) || s.Matches(b) || s.Matches("") {
		t.Error("a secret matches the wrong password, or not the right one")
	}
	if !LooksLikeToken(NewToken()) {
		t.Error("a new token doesn't look like one")
	}
}

func TestValidChallenge(t *testing.T) {
	good := strings.Repeat("aZ0-_", 8) + "abc"
	for text, want := range map[string]bool{
		good:                    true,
		good[:42]:               false,
		good + "a":              false,
		good[:42] + "=":         false,
		good[:42] + "\n":        false,
		good[:41] + "é":         false,
		"":                      false,
		strings.Repeat(" ", 43): false,
	} {
		if ValidChallenge(text) != want {
			t.Errorf("ValidChallenge(%q) = %v", text, !want)
		}
	}
}

func TestReserved(t *testing.T) {
	for owner, want := range map[string]bool{
		"_acme-challenge": true, "_ACME-challenge.www": true,
		"_acme-challenges": false, "www._acme-challenge": false, "x": false,
	} {
		if Reserved(owner) != want {
			t.Errorf("Reserved(%q) = %v", owner, !want)
		}
	}
}

func TestAllowList(t *testing.T) {
	for _, c := range []struct {
		entries   []string
		allowed   []string
		forbidden []string
	}{
		{nil, []string{"192.0.2.1", "2001:db8::1"}, nil},
		{[]string{"", "  "}, []string{"192.0.2.1"}, nil},
		{[]string{" 192.0.2.0/24"}, []string{"192.0.2.7", "::ffff:192.0.2.7"}, []string{"192.0.3.1", "2001:db8::1"}},
		{[]string{"192.0.2.1"}, []string{"192.0.2.1"}, []string{"192.0.2.2"}},
		{[]string{"[2001:db8::]/32", "[2001:db9::1]"}, []string{"2001:db8:1::1", "2001:db9::1"}, []string{"2001:db9::2", "192.0.2.1"}},
		{[]string{"::ffff:192.0.2.0/120"}, []string{"192.0.2.7"}, []string{"192.0.3.7"}},
		{[]string{"fe80::/10"}, []string{"fe80::1%eth0"}, []string{"fec0::1"}},
		{[]string{"0.0.0.0/0"}, []string{"192.0.2.1"}, []string{"2001:db8::1"}},
	} {
		list, err := ParseAllowList(c.entries)
		if err != nil {
			t.Errorf("%v: %v", c.entries, err)
		}
		text, _ := list.MarshalJSON()
		stored, err := StoredAllowList(string(text))
		if err != nil || !slices.Equal(stored.Strings(), list.Strings()) {
			t.Errorf("%v came back from the store as %v, %v", c.entries, stored, err)
		}
		for _, addr := range c.allowed {
			if !stored.Allows(netip.MustParseAddr(addr)) {
				t.Errorf("%v forbids %s", c.entries, addr)
			}
		}
		for _, addr := range c.forbidden {
			if stored.Allows(netip.MustParseAddr(addr)) {
				t.Errorf("%v allows %s", c.entries, addr)
			}
		}
	}
}

func TestAllowListRefuses(t *testing.T) {
	for _, entry := range []string{"localhost", "192.0.2.0/33", "192.0.2", "fe80::1%eth0", "/24", "1.2.3.4/x"} {
		if list, err := ParseAllowList([]string{"192.0.2.0/24", entry}); err == nil || list.Allows(netip.MustParseAddr("192.0.2.1")) {
			t.Errorf("%q is taken for a network", entry)
		}
	}
}

func TestStoredAllowListThatDoesNotParseIsClosed(t *testing.T) {
	for _, text := range []string{"", "{}", "[1]", `["nonsense"]`, `["192.0.2.0/24"`, "\x00"} {
		if list, err := StoredAllowList(text); err == nil || list.Allows(netip.MustParseAddr("192.0.2.1")) {
			t.Errorf("%q opens the account", text)
		}
	}
}

// TestClosedAllowListSurvivesItsText: as null, which must not be taken for no list.
func TestClosedAllowListSurvivesItsText(t *testing.T) {
	text, err := ClosedList().MarshalJSON()
	if err != nil || string(text) != "null" {
		t.Fatal(string(text), err)
	}
	if list, err := StoredAllowList(string(text)); err != nil || list.Open() || list.Allows(netip.MustParseAddr("192.0.2.1")) {
		t.Errorf("%v, %v", list, err)
	}
}
