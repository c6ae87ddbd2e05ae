package cert

import (
	"context"
	"crypto/x509"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"
)

// authority is who signs. Its methods are called by one goroutine.
type authority interface {
	// order gets a new certificate into the storage. After one that had to be put off,
	// Retry-After is what the CA said, as it said it.
	order(ctx context.Context) (retryAfter string, err error)
	// renewalInfo asks when the CA would like a certificate to be renewed (RFC 9773).
	renewalInfo(ctx context.Context, leaf *x509.Certificate) (acme.RenewalInfo, error)
	close()
}

// certMagic has the account, the orders and the storage done by certmagic. When
// something is tried, and what is shown to clients, isn't its business here.
type certMagic struct {
	host   string
	config *certmagic.Config
	issuer *certmagic.ACMEIssuer
	cache  *certmagic.Cache
	log    *magicLog
}

// newCertMagic starts the goroutine that certmagic has for its cache, which stays
// empty; close ends it.
func newCertMagic(m *Managed) *certMagic {
	c := &certMagic{host: m.Host, log: newMagicLog(m.Log)}
	c.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return c.config, nil },
		Logger:           c.log.zap(),
	})
	c.config = certmagic.New(c.cache, certmagic.Config{
		Storage:   &storage{certmagic.FileStorage{Path: m.Storage}},
		KeySource: certmagic.StandardKeyGenerator{KeyType: certmagic.P256},
		OCSP:      certmagic.OCSPConfig{DisableStapling: true},
		Logger:    c.log.zap(),
	})
	c.issuer = certmagic.NewACMEIssuer(c.config, certmagic.ACMEIssuer{
		CA: m.Directory, Email: contact(m.Email), Agreed: true, TrustedRoots: m.roots,
		DisableHTTPChallenge: true, DisableTLSALPNChallenge: true,
		DNS01Solver: &solver{owner: m.Challenge.Owner, forget: m.Forget, challenges: m.Challenges},
		Logger:      c.log.zap(),
	})
	// After a failure certmagic would ask Let's Encrypt's staging CA first. That is an
	// account with somebody whom the operator never named, and an order more each time;
	// what it spares, the limits of the real one, the schedule here keeps to anyway.
	c.issuer.TestCA = ""
	c.config.Issuers = []certmagic.Issuer{c.issuer}
	return c
}

// contact keeps certmagic from asking for an address on standard input, as it does
// where none is known; blanks it takes away again.
func contact(email string) string {
	if email == "" {
		return " "
	}
	return email
}

// order also replaces what is stored and can't be used. It is a renewal, so that the
// CA hears which certificate is replaced (RFC 9773, section 5), and an ordinary order
// where there is none to renew.
func (c *certMagic) order(ctx context.Context) (string, error) {
	c.log.forgetRetryAfter()
	// A second try, in certmagic's counting: before the first it would start a rate
	// limiter of its own, whose goroutine nothing ends.
	again := 1
	ctx = context.WithValue(ctx, certmagic.AttemptsCtxKey, &again)
	err := c.config.RenewCertSync(ctx, c.host, true)
	return c.log.retryAfter(), err
}

func (c *certMagic) renewalInfo(ctx context.Context, leaf *x509.Certificate) (acme.RenewalInfo, error) {
	var asked certmagic.Certificate
	asked.Leaf = leaf
	return c.issuer.GetRenewalInfo(ctx, asked)
}

func (c *certMagic) close() { c.cache.Stop() }
