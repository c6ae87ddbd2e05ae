package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// ask sends one question over UDP, as a stub resolver does.
func ask(server, name string, kind uint16) (*dns.Msg, error) {
	return askOver("udp", server, name, kind)
}

// askOver sends one question from a socket of its own.
func askOver(network, server, name string, kind uint16) (*dns.Msg, error) {
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), kind)
	client := dns.Client{Net: network, Timeout: startTime}
	answer, _, err := client.Exchange(q, server)
	if err != nil {
		return nil, fmt.Errorf("%s %s at %s over %s: %w", name, dns.TypeToString[kind], server, network, err)
	}
	if answer.Rcode != dns.RcodeSuccess {
		return nil, fmt.Errorf("%s %s at %s over %s: %s", name, dns.TypeToString[kind], server, network, dns.RcodeToString[answer.Rcode])
	}
	return answer, nil
}

// texts returns the TXT values that a server answers, CNAMEs followed if it does.
func texts(server, name string) ([]string, error) { return textsOver("udp", server, name) }

func textsOver(network, server, name string) ([]string, error) {
	answer, err := askOver(network, server, name, dns.TypeTXT)
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

// serves returns an error unless the server answers the value now: there is no
// second try, because a client that has its 200 doesn't wait either.
func serves(network, server, name, value string) error {
	values, err := textsOver(network, server, name)
	if err == nil && !slices.Contains(values, value) {
		err = fmt.Errorf("%s at %s over %s: %q is not among %q", name, server, network, value, values)
	}
	return err
}

// mustServe fails unless serves.
func mustServe(t *testing.T, server, name, value string) {
	t.Helper()
	if err := serves("udp", server, name, value); err != nil {
		t.Fatal(err)
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
