package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/crypto/acme"
)

// obtain gets one certificate for the names with the plainest of ACME clients.
// present is to publish a challenge's value for a domain, with the library under
// test.
func (b *bed) obtain(t *testing.T, names []string, present func(domain, value string)) [][]byte {
	t.Helper()
	client := b.newACMEClient(t)
	order, err := client.AuthorizeOrder(limited(t), acme.DomainIDs(names...))
	if err != nil {
		t.Fatal(err)
	}
	var challenges []*acme.Challenge
	for _, url := range order.AuthzURLs {
		challenges = append(challenges, b.prepare(t, client, url, present))
	}
	for _, challenge := range challenges {
		if _, err := client.Accept(limited(t), challenge); err != nil {
			t.Fatal(err)
		}
	}
	if order, err = client.WaitOrder(limited(t), order.URI); err != nil {
		t.Fatal(err)
	}
	chain, _, err := client.CreateCertFromOrder(limited(t), order, newRequest(t, names).Raw, true)
	if err != nil {
		t.Fatal(err)
	}
	return chain
}

func (b *bed) newACMEClient(t *testing.T) *acme.Client {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	client := &acme.Client{Key: key, DirectoryURL: b.ca.directory}
	if _, err := client.Register(limited(t), &acme.Account{}, acme.AcceptTOS); err != nil {
		t.Fatal(err)
	}
	return client
}

// prepare publishes the value of one authorization and returns its challenge, when
// the resolver, which may hold an older answer for a second, has the value.
func (b *bed) prepare(t *testing.T, client *acme.Client, url string, present func(domain, value string)) *acme.Challenge {
	t.Helper()
	authz, err := client.GetAuthorization(limited(t), url)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(authz.Challenges, func(c *acme.Challenge) bool { return c.Type == "dns-01" })
	if i < 0 {
		t.Fatalf("%s has no dns-01 challenge", authz.Identifier.Value)
	}
	value, err := client.DNS01ChallengeRecord(authz.Challenges[i].Token)
	if err != nil {
		t.Fatal(err)
	}
	present(authz.Identifier.Value, value)
	err = poll(startTime, nil, func() error {
		values, err := texts(b.resolver, challengeName(authz.Identifier.Value))
		if err == nil && !slices.Contains(values, value) {
			err = fmt.Errorf("%q is not among %q", value, values)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return authz.Challenges[i]
}
