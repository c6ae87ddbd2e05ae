package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"testing"

	"github.com/caddyserver/certmagic"
	"github.com/libdns/acmedns"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"
)

// TestLibdnsObtainsApexAndWildcardAtOnce does what Caddy does with a site of four
// names: an order for each, all at the same time, with two names on one account.
func TestLibdnsObtainsApexAndWildcardAtOnce(t *testing.T) {
	t.Parallel()
	b := newBed(t, plainHTTP)
	magic, _ := newCertmagic(t, b)
	results := make(chan error, len(certificateNames))
	for _, name := range certificateNames {
		go func() { results <- magic.ObtainCertSync(limited(t), name) }()
	}
	for range certificateNames {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if t.Failed() {
		return
	}
	for _, name := range certificateNames {
		cert, err := magic.CacheManagedCertificate(limited(t), name)
		if err != nil {
			t.Fatal(err)
		}
		b.ca.verify(t, cert.Certificate.Certificate, name)
	}
}

// TestLibdnsObtainsOneCertificate has all four names in one order.
func TestLibdnsObtainsOneCertificate(t *testing.T) {
	t.Parallel()
	b := newBed(t, certFiles)
	_, issuer := newCertmagic(t, b)
	if err := issuer.PreCheck(limited(t), certificateNames, false); err != nil {
		t.Fatal(err)
	}
	issued, err := issuer.Issue(limited(t), newRequest(t, certificateNames))
	if err != nil {
		t.Fatal(err)
	}
	b.ca.verify(t, decodePEM(issued.Certificate), certificateNames...)
}

// newCertmagic is Caddy's ACME client as its acme-dns plugin sets it up, with
// accounts that the user has registered and a server_url that ends in a slash.
func newCertmagic(t *testing.T, b *bed) (*certmagic.Config, *certmagic.ACMEIssuer) {
	t.Helper()
	logger := zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel))
	provider := &acmedns.Provider{Configs: map[string]acmedns.DomainConfig{}}
	for _, zone := range customerZones {
		a := b.register(t)
		b.point(t, zone, a.FullDomain)
		provider.Configs[zone] = acmedns.DomainConfig{
			Username: a.Username, Password: a.Password, Subdomain: a.Subdomain,
			FullDomain: a.FullDomain, ServerURL: b.url + "/",
		}
	}
	magic := newMagicConfig(t, logger)
	issuer := certmagic.NewACMEIssuer(magic, certmagic.ACMEIssuer{
		// The second CA is where it would go after a failure: not to the internet.
		CA: b.ca.directory, TestCA: b.ca.directory, Email: "hostmaster@example.org", Agreed: true, Logger: logger,
		DNS01Solver: &certmagic.DNS01Solver{DNSManager: certmagic.DNSManager{
			DNSProvider: provider, Resolvers: []string{b.resolver}, PropagationTimeout: startTime, Logger: logger,
		}},
	})
	magic.Issuers = []certmagic.Issuer{issuer}
	return magic, issuer
}

func newMagicConfig(t *testing.T, logger *zap.Logger) *certmagic.Config {
	t.Helper()
	var magic *certmagic.Config
	cache := certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return magic, nil },
		Logger:           logger,
	})
	t.Cleanup(cache.Stop)
	magic = certmagic.New(cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: t.TempDir()}, Logger: logger, OCSP: certmagic.OCSPConfig{DisableStapling: true},
		OnEvent: func(context.Context, string, map[string]any) error { return nil },
	})
	return magic
}

// newRequest makes a certificate request with a key that nobody needs again.
func newRequest(t *testing.T, names []string) *x509.CertificateRequest {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: names}, key)
	if err != nil {
		t.Fatal(err)
	}
	request, err := x509.ParseCertificateRequest(der)
	if err != nil {
		t.Fatal(err)
	}
	return request
}
