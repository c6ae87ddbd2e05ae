package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-acme/lego/v5/acme"
	"github.com/go-acme/lego/v5/certcrypto"
	"github.com/go-acme/lego/v5/certificate"
	"github.com/go-acme/lego/v5/challenge/dns01"
	"github.com/go-acme/lego/v5/lego"
	"github.com/go-acme/lego/v5/providers/dns/acmedns"
	"github.com/go-acme/lego/v5/registration"
)

// TestLegoObtainsOneCertificate is the whole way of a lego user: the first attempt
// registers and says which CNAME to make, the second gets the certificate.
func TestLegoObtainsOneCertificate(t *testing.T) {
	t.Parallel()
	newBed(t, certFiles).obtainWithLego(t)
}

// legosTurn is taken by one bed after the other: lego has one resolver for the
// whole process.
var legosTurn sync.Mutex

func (b *bed) obtainWithLego(t *testing.T) {
	t.Helper()
	b.obtainInTwoRuns(t, newLegoProvider(t, b.fileConfig(t)), customerZones...)
}

// obtainInTwoRuns gets one certificate for the zones and their wildcards.
func (b *bed) obtainInTwoRuns(t *testing.T, provider legoProvider, zones ...string) {
	t.Helper()
	legosTurn.Lock()
	defer legosTurn.Unlock()
	legoAsks(b.resolver)
	var names []string
	for _, zone := range zones {
		b.point(t, zone, provider.firstAttempt(t, zone))
		names = append(names, zone, "*."+zone)
	}
	client := newLegoClient(t, b.ca, provider)
	resource, err := client.Certificate.Obtain(limited(t), certificate.ObtainRequest{
		Domains: names, Bundle: true, KeyType: certcrypto.EC256,
	})
	if err != nil {
		t.Fatal(err)
	}
	b.ca.verify(t, decodePEM(resource.Certificate), names...)
}

// legoAsks sets lego's resolver, for who has lego's turn.
func legoAsks(resolver string) {
	dns01.SetDefaultClient(dns01.NewClient(&dns01.Options{RecursiveNameservers: []string{resolver}}))
}

// legoProvider is lego's acme-dns provider, but for the two seconds that lego
// waits by default before it looks for the value the first time: a value that is
// served when the update is answered needs no waiting.
type legoProvider struct{ *acmedns.DNSProvider }

func (legoProvider) Timeout() (timeout, interval time.Duration) {
	return startTime, 10 * time.Millisecond
}

// fileConfig has an allow list as ACME_DNS_ALLOWLIST gives it, split at commas only.
func (b *bed) fileConfig(t *testing.T) *acmedns.Config {
	t.Helper()
	config := acmedns.NewDefaultConfig()
	config.APIBase = b.url
	config.AllowList = []string{"127.0.0.0/8", " ::1/128"}
	config.StoragePath = filepath.Join(t.TempDir(), "accounts.json")
	return config
}

func newLegoProvider(t *testing.T, config *acmedns.Config) legoProvider {
	t.Helper()
	provider, err := acmedns.NewDNSProviderConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return legoProvider{provider}
}

// firstAttempt is what lego does with a domain that it has no account for; it
// returns the target of the CNAME that lego asks for.
func (p legoProvider) firstAttempt(t *testing.T, domain string) string {
	t.Helper()
	var required acmedns.ErrCNAMERequired
	err := p.Present(limited(t), domain, "token", "key authorization")
	if !errors.As(err, &required) {
		t.Fatalf("lego's first attempt for %s: %v", domain, err)
	}
	return required.Target
}

func newLegoClient(t *testing.T, ca *pebble, provider legoProvider) *lego.Client {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	user := &legoUser{key: key}
	config := lego.NewConfig(user)
	config.CADirURL = ca.directory
	client, err := lego.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	// The check of the authoritative servers dials port 53, which is not for tests
	// to take. The one through the resolver stays.
	if err := client.Challenge.SetDNS01Provider(provider, dns01.DisableAuthoritativeNssPropagationRequirement()); err != nil {
		t.Fatal(err)
	}
	user.account, err = client.Registration.Register(limited(t), registration.RegisterOptions{TermsOfServiceAgreed: true})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// legoUser is the ACME account.
type legoUser struct {
	key     crypto.Signer
	account *acme.ExtendedAccount
}

func (u *legoUser) GetEmail() string                       { return "" }
func (u *legoUser) GetRegistration() *acme.ExtendedAccount { return u.account }
func (u *legoUser) GetPrivateKey() crypto.Signer           { return u.key }
