package cert

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// Challenges is where values are handed over that a CA is to see.
type Challenges interface {
	// Publish returns nil when the change is durable and every name server answers it.
	Publish(ctx context.Context, change zone.Change) error
	// Commit returns nil when the change is durable.
	Commit(ctx context.Context, change zone.Change) error
}

// ACME says which certificate is wanted, and from whom.
type ACME struct {
	Host       string            // that the certificate is for
	Challenge  zone.OwnChallenge // where the CA looks
	Directory  string            // URL of the CA's directory
	Email      string            // contact of the account; may be empty
	EABKid     string            // key ID of what a new account is bound to at the CA; empty: nothing
	EABKeyFile string            // holds the HMAC key that goes with it
	RootFile   string            // PEM: a CA to be trusted besides the system's when asking Directory; may be empty
	Storage    string            // folder of account and certificate, as certmagic lays it out

	Challenges Challenges
	Forget     func() time.Duration // how long resolvers may now remember what was at the owner before
	Ready      <-chan struct{}      // closed when the name servers answer the zone
	Log        *slog.Logger
}

// Managed is a certificate that the service gets from a CA, and renews.
type Managed struct {
	ACME
	roots   *x509.CertPool                  // nil: the system's
	ca      func() authority                // who signs
	current atomic.Pointer[tls.Certificate] // never nil
	// Run's goroutine alone uses these.
	plan   schedule
	unkept issued    // the certificate in use, where it couldn't be stored yet
	keepAt time.Time // when that is tried again

	mu     sync.Mutex
	status zone.CertificateStatus
}

// OpenManaged uses the certificate that is in the storage; where there is none, what
// meanwhile returns is shown until Run has got one. The folder is made if need be. It
// starts nothing and asks nobody.
func OpenManaged(want ACME, meanwhile func() (*tls.Certificate, error)) (*Managed, error) {
	roots, err := want.Check()
	if err != nil {
		return nil, err
	}
	if err := makeFolder(want.Storage); err != nil {
		return nil, fmt.Errorf("api.acme_storage: %w", err)
	}
	m := &Managed{ACME: want, roots: roots}
	m.ca = func() authority { return newCertMagic(m) }
	m.status = zone.CertificateStatus{Host: want.Host, Directory: want.Directory, CNAME: want.Challenge.CNAME}
	pair, err := m.stored()
	switch {
	case err == nil:
		m.use(pair, 0)
		return m, nil
	case !errors.Is(err, fs.ErrNotExist):
		m.Log.Warn("the stored certificate can't be used and a new one will be ordered", "folder", want.Storage, "err", err)
	}
	return m, m.showMeanwhile(meanwhile)
}

// showMeanwhile shows what there is until the CA has signed the first one: the one from
// before, where the operator has gone over to another CA, which clients may trust for
// long yet, or else what meanwhile returns.
func (m *Managed) showMeanwhile(meanwhile func() (*tls.Certificate, error)) error {
	if pair := m.storedElsewhere(time.Now()); pair != nil {
		m.show(pair, false)
		m.note(func(s *zone.CertificateStatus) { s.OtherCA = true })
		m.Log.Warn("the API answers with the certificate of another CA until it has the first one of the CA that is asked now", "host", m.Host, "ca", m.Directory,
			"issuer", m.Status().Issuer, "expires", pair.Leaf.NotAfter.UTC())
		return nil
	}
	pair, err := meanwhile()
	if err != nil {
		return err
	}
	m.show(pair, true)
	m.Log.Warn("the API answers with a self-signed certificate until it has the first one of the CA", "host", m.Host, "ca", m.Directory, "sha256", Fingerprint(pair))
	return nil
}

// Check says what would keep a certificate from being got, without asking anybody,
// and returns the roots to trust, nil for the system's. The errors name the key of
// the configuration.
func (a ACME) Check() (*x509.CertPool, error) {
	for _, check := range []func() error{a.checkHost, a.checkDirectory, a.checkEmail, a.checkBinding, a.checkStorage} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	if a.RootFile == "" {
		return nil, nil
	}
	text, err := os.ReadFile(a.RootFile)
	if err != nil {
		return nil, fmt.Errorf("api.acme_ca_file: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("api.acme_ca_file: %s holds no certificate in PEM form", a.RootFile)
	}
	return roots, nil
}

// GetCertificate is for tls.Config; any number of goroutines may call it.
func (m *Managed) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return m.current.Load(), nil
}

// Status says how the certificate is; any goroutine may ask.
func (m *Managed) Status() zone.CertificateStatus {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.status
}

// use shows a certificate of the CA from now on, and asks the CA about it after that
// time.
func (m *Managed) use(pair *tls.Certificate, after time.Duration) {
	m.show(pair, false)
	leaf := pair.Leaf
	m.plan.got(leaf, after)
	if m.Status().Expired(time.Now()) {
		m.Log.Warn("the stored certificate has expired and clients refuse it until it is renewed", "host", m.Host, "expired", leaf.NotAfter.UTC())
		return
	}
	if time.Now().Before(leaf.NotBefore) {
		m.Log.Warn("the certificate is not valid yet and clients may refuse it: look whether this machine's clock is right", "host", m.Host, "from", leaf.NotBefore.UTC())
	}
	m.Log.Info("certificate in use", "host", m.Host, "issuer", leaf.Issuer.CommonName,
		"expires", leaf.NotAfter.UTC(), "renewal", m.plan.renewAt.UTC())
}

func (m *Managed) show(pair *tls.Certificate, selfSigned bool) {
	m.current.Store(pair)
	m.note(func(s *zone.CertificateStatus) { describe(s, pair.Leaf, selfSigned) })
}

// note changes the status.
func (m *Managed) note(change func(*zone.CertificateStatus)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.status)
}

func describe(s *zone.CertificateStatus, leaf *x509.Certificate, selfSigned bool) {
	s.SelfSigned, s.OtherCA, s.NotBefore, s.NotAfter = selfSigned, false, leaf.NotBefore, leaf.NotAfter
	if s.Issuer = leaf.Issuer.CommonName; s.Issuer == "" {
		s.Issuer = strings.Join(leaf.Issuer.Organization, ", ")
	}
}
