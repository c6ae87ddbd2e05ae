package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/nrdcg/goacmedns"
)

// TestResolverAsksLikeLetsEncrypt holds the resolver to what the other tests take
// for granted of it, and shows that an answer full of values suits it: six reach
// it whole, in 512 bytes of UDP.
func TestResolverAsksLikeLetsEncrypt(t *testing.T) {
	b := &bed{service: startService(t, plainHTTP), customers: startNSD(t)}
	tap := startTap(t, b.dns)
	b.resolver = startUnbound(t, b.zones(tap.addr))
	a := b.register(t)
	b.customers.point(t, "example.com", a.FullDomain)
	values := b.update(t, a, 6)

	got, err := texts(b.resolver, challengeName("example.com"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(values)); !slices.Equal(got, want) {
		t.Errorf("through the resolver: %q, not %q", got, want)
	}
	asked, largest := tap.seen()
	checkQuestions(t, only(asked, a.FullDomain))
	if largest > 512 {
		t.Errorf("an answer has %d octets, more than the resolver asked for", largest)
	}
}

// update sets n new values and returns them.
func (b *bed) update(t *testing.T, a account, n int) (values []string) {
	t.Helper()
	client, err := goacmedns.NewClient(b.url)
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		value := newValue()
		if err := client.UpdateTXTRecord(limited(t), a.stored(), value); err != nil {
			t.Fatal(err)
		}
		values = append(values, value)
	}
	return values
}

// stored is the account as goacmedns keeps it.
func (a account) stored() goacmedns.Account {
	return goacmedns.Account{Username: a.Username, Password: a.Password, SubDomain: a.Subdomain}
}

// only keeps the questions for one name.
func only(asked []*dns.Msg, name string) []*dns.Msg {
	return slices.DeleteFunc(asked, func(q *dns.Msg) bool {
		return !strings.EqualFold(q.Question[0].Name, dns.Fqdn(name))
	})
}

// checkQuestions wants a probe for A first, as query-name minimisation does, then
// TXT; each in mixed case, with 512 bytes of EDNS and DO.
func checkQuestions(t *testing.T, asked []*dns.Msg) {
	t.Helper()
	var kinds []string
	for _, q := range asked {
		kinds = append(kinds, dns.TypeToString[q.Question[0].Qtype])
		if name := q.Question[0].Name; name == strings.ToLower(name) {
			t.Errorf("%s is asked in lower case", name)
		}
		if edns := q.IsEdns0(); edns == nil || edns.UDPSize() != 512 || !edns.Do() {
			t.Errorf("asked without EDNS of 512 bytes and DO: %v", q)
		}
	}
	if want := []string{"A", "TXT"}; !slices.Equal(kinds, want) {
		t.Errorf("asked for %v, not %v", kinds, want)
	}
}
