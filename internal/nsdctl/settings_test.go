package nsdctl

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestListeners(t *testing.T) {
	for _, c := range []struct {
		lines []string
		ip4   bool
		want  []string
	}{
		{nil, true, []string{"127.0.0.1:53"}},
		{nil, false, []string{"[::1]:53"}},
		{[]string{"192.0.2.1@5353", "2001:db8::1"}, true, []string{"192.0.2.1:5353", "[2001:db8::1]:53"}},
		{[]string{"192.0.2.1 servers=1-2", "192.0.2.2@54 setfib=1"}, true, []string{"192.0.2.1:53", "192.0.2.2:54"}},
		{[]string{"0.0.0.0@54", "::0"}, true, []string{"127.0.0.1:54", "[::1]:53"}},
		{[]string{"no-such-interface"}, true, nil},
	} {
		if diff := cmp.Diff(c.want, listeners(c.lines, "53", c.ip4)); diff != "" {
			t.Errorf("%q: %s", c.lines, diff)
		}
	}
	if got := listeners([]string{"lo@54"}, "53", true); len(got) == 0 || got[0] != "127.0.0.1:54" {
		t.Errorf("an interface is %q", got)
	}
}

func TestNotified(t *testing.T) {
	got := notified([]string{"192.0.2.1@5353 key", "2001:db8::1 NOKEY", "nonsense"})
	if diff := cmp.Diff([]string{"192.0.2.1:5353", "[2001:db8::1]:53"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestControlAddress(t *testing.T) {
	for _, c := range []struct {
		interfaces []string
		port, want string
	}{
		{nil, "", "127.0.0.1:8952"},
		{[]string{"/run/nsd/nsd.ctl", "127.0.0.1"}, "8952", "/run/nsd/nsd.ctl"},
		{[]string{"192.0.2.1", "/run/x"}, "953", "192.0.2.1:953"},
		{[]string{"0.0.0.0"}, "953", "127.0.0.1:953"},
		{[]string{"::"}, "953", "[::1]:953"},
	} {
		if got := controlAddress(c.interfaces, c.port); got != c.want {
			t.Errorf("%q: %s, not %s", c.interfaces, got, c.want)
		}
	}
}

// TestExpand has the examples of nsd.conf(5).
func TestExpand(t *testing.T) {
	for file, want := range map[string]string{
		"zones/%s.zone": "zones/auth.example.org.zone",
		"%1/%2/%3/%s":   "a/u/t/auth.example.org",
		"%z/%y/%x":      "org/example/auth",
		"plain":         "plain",
	} {
		if got := expand(file, "auth.example.org."); got != want {
			t.Errorf("%s: %s, not %s", file, got, want)
		}
	}
	if got := expand("%x-%3", "ab"); got != ".-." {
		t.Errorf("of a short name: %s", got)
	}
}
