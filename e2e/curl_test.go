package e2e

import (
	"fmt"
	"net"
	"testing"
)

// TestCurl is the README's first minutes: curl registers and updates, dig looks at
// the name itself and, through the resolver, at the domain that points to it.
func TestCurl(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{plainHTTP, selfSigned} {
		t.Run(mode, func(t *testing.T) { tryCurl(t, newBed(t, mode)) })
	}
}

func tryCurl(t *testing.T, b *bed) {
	a := parseAccount(t, []byte(curl(t, "-X", "POST", b.url+"/register")))
	b.point(t, "example.com", a.FullDomain)
	value := newValue()
	answer := curl(t, "-X", "POST", "-H", "X-Api-User: "+a.Username, "-H", "X-Api-Key: "+a.Password,
		"-d", fmt.Sprintf(`{"subdomain": %q, "txt": %q}`, a.Subdomain, value), b.url+"/update")
	if want := fmt.Sprintf(`{"txt": %q}`, value); answer != want {
		t.Fatalf("/update answers %q, not %q", answer, want)
	}
	record := fmt.Sprintf("%q\n", value)
	for _, transport := range []string{"+notcp", "+tcp"} {
		if got := dig(t, b.dns, transport, a.FullDomain); got != record {
			t.Errorf("dig %s at acmezone: %q, not %q", transport, got, record)
		}
		chain := a.FullDomain + ".\n" + record
		if got := dig(t, b.resolver, transport, challengeName("example.com")); got != chain {
			t.Errorf("dig %s through the resolver: %q, not %q", transport, got, chain)
		}
	}
}

// curl returns the body of the answer. A certificate needs no proof here.
func curl(t *testing.T, args ...string) string {
	t.Helper()
	return output(t, "", program(t, "curl", "curl"), append([]string{"-q", "-sS", "--fail", "--insecure"}, args...)...)
}

func dig(t *testing.T, server, transport, name string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		t.Fatal(err)
	}
	return output(t, "", program(t, "dig", "bind9-dnsutils"), "-r", "@"+host, "-p", port, "+short", transport, name, "TXT")
}
