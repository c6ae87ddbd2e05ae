package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// ask sends one question over UDP, as a stub resolver does.
func ask(server, name string, kind uint16) (*dns.Msg, error) {
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), kind)
	client := dns.Client{Timeout: 2 * time.Second}
	answer, _, err := client.Exchange(q, server)
	if err != nil {
		return nil, fmt.Errorf("%s %s at %s: %w", name, dns.TypeToString[kind], server, err)
	}
	if answer.Rcode != dns.RcodeSuccess {
		return nil, fmt.Errorf("%s %s at %s: %s", name, dns.TypeToString[kind], server, dns.RcodeToString[answer.Rcode])
	}
	return answer, nil
}

// texts returns the TXT values that a server answers, CNAMEs followed if it does.
func texts(server, name string) ([]string, error) {
	answer, err := ask(server, name, dns.TypeTXT)
	if err != nil {
		return nil, err
	}
	var values []string
	for _, rr := range answer.Answer {
		if txt, ok := rr.(*dns.TXT); ok {
			values = append(values, strings.Join(txt.Txt, ""))
		}
	}
	return values, nil
}

// mustServe fails unless the server answers the value now: there is no second try,
// because a client that has its 200 doesn't wait either.
func mustServe(t *testing.T, server, name, value string) {
	t.Helper()
	values, err := texts(server, name)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(values, value) {
		t.Fatalf("%s at %s: %q is not among %q", name, server, value, values)
	}
}

// mustPoint waits until the server answers a CNAME from name to target.
func mustPoint(t *testing.T, server, name, target string) {
	t.Helper()
	err := poll(startTime, nil, func() error {
		answer, err := ask(server, name, dns.TypeCNAME)
		if err != nil {
			return err
		}
		for _, rr := range answer.Answer {
			if cname, ok := rr.(*dns.CNAME); ok && strings.EqualFold(cname.Target, dns.Fqdn(target)) {
				return nil
			}
		}
		return fmt.Errorf("%s at %s is no CNAME to %s: %v", name, server, target, answer.Answer)
	})
	if err != nil {
		t.Fatal(err)
	}
}
