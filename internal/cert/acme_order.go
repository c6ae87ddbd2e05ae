package cert

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"
)

// authority is who signs. Its methods are called by one goroutine.
type authority interface {
	// order gets a new certificate. After one that had to be put off, Retry-After is what
	// the CA said, as it said it.
	order(ctx context.Context) (got issued, retryAfter string, err error)
	// renewalInfo asks when the CA would like a certificate to be renewed (RFC 9773).
	renewalInfo(ctx context.Context, leaf *x509.Certificate) (acme.RenewalInfo, error)
	close()
}

// certMagic has the account and the orders done by certmagic. When something is tried,
// what is shown to clients, and what is kept, isn't its business here.
type certMagic struct {
	want    *Managed
	config  *certmagic.Config
	issuer  *certmagic.ACMEIssuer
	cache   *certmagic.Cache
	storage *storage
	log     *magicLog
	unbound error // why an account can't be registered, in full: the library takes the text alone
	alone   bool  // the next order doesn't say what it replaces
}

// newCertMagic starts the goroutine that certmagic has for its cache, which stays
// empty; close ends it.
func newCertMagic(m *Managed) *certMagic {
	c := &certMagic{want: m, storage: newStorage(m), log: newMagicLog(m.Log)}
	c.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return c.config, nil },
		Logger:           c.log.zap(),
	})
	c.config = certmagic.New(c.cache, certmagic.Config{
		Storage:   c.storage,
		KeySource: certmagic.StandardKeyGenerator{KeyType: certmagic.P256},
		OCSP:      certmagic.OCSPConfig{DisableStapling: true},
		Logger:    c.log.zap(),
	})
	c.issuer = certmagic.NewACMEIssuer(c.config, certmagic.ACMEIssuer{
		CA: m.Directory, Email: contact(m.Email), Agreed: true, TrustedRoots: m.roots,
		DisableHTTPChallenge: true, DisableTLSALPNChallenge: true,
		CertObtainTimeout: tryTime, // of each wait: an order that is given up may still be carried out
		DNS01Solver:       &solver{owner: m.Challenge.Owner, forget: m.Forget, challenges: m.Challenges},
		NewAccountFunc:    c.bind,
		Logger:            c.log.zap(),
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

// order is tried once more where the CA has forgotten the account, with a new one.
func (c *certMagic) order(ctx context.Context) (issued, string, error) {
	c.log.forgetRetryAfter()
	err := c.renew(ctx)
	if c.storage.gone {
		err = c.renew(ctx)
	}
	return c.storage.issued, c.log.retryAfter(), err
}

// renew also replaces what is stored and can't be used. It is a renewal, so that the CA
// hears which certificate is replaced (RFC 9773, section 5), and an ordinary order where
// there is none to renew.
func (c *certMagic) renew(ctx context.Context) error {
	c.storage.gone, c.storage.registering, c.storage.issued, c.unbound = false, false, issued{}, nil
	attempt := c.attempt(ctx)
	err := c.config.RenewCertSync(context.WithValue(ctx, certmagic.AttemptsCtxKey, &attempt), c.want.Host, true)
	c.alone = !c.alone && attempt == replacing && mindsReplacing(err)
	switch {
	case c.unbound != nil:
		return c.unbound
	case err != nil && c.storage.registering && !c.storage.known(ctx):
		return unregistered{err, c.issuer.ExternalAccount != nil}
	}
	return err
}

// Attempts, in certmagic's counting. Before a first one it would start a rate limiter of
// its own, whose goroutine nothing ends.
const (
	replacing = 1
	ordinary  = 2 // nothing is said of what is replaced
)

// attempt leaves aside what is replaced where the account can't be the one that got it,
// or where that may be what the CA minded.
func (c *certMagic) attempt(ctx context.Context) int {
	if c.alone || !c.storage.known(ctx) {
		return ordinary
	}
	return replacing
}

// mindsReplacing reports whether an order was refused before there was any challenge, and
// not for having come too often: orders that replace are spared the limits.
func mindsReplacing(err error) bool {
	var refused acme.Problem
	return errors.As(err, &refused) && refused.Resource == nil && refused.Type != acme.ProblemTypeRateLimited && refused.Status < http.StatusInternalServerError
}

func (c *certMagic) renewalInfo(ctx context.Context, leaf *x509.Certificate) (acme.RenewalInfo, error) {
	var asked certmagic.Certificate
	asked.Leaf = leaf
	return c.issuer.GetRenewalInfo(ctx, asked)
}

func (c *certMagic) close() { c.cache.Stop() }
