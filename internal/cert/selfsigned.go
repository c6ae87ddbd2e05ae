package cert

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

const (
	// selfSignedFor is how long a self-signed certificate is good: those who trust
	// it do so by its fingerprint, so a short life would only break them.
	selfSignedFor = 5 * 365 * 24 * time.Hour
	// renewBefore is how long before its end it is made anew.
	renewBefore = 30 * 24 * time.Hour
)

// SelfSigned returns a certificate for those host names and addresses, signed by
// itself. It is kept in the file at path, key and all, so that clients may pin it. It
// is made anew only when it is about to end or doesn't name one of the hosts; a host
// that is no longer asked for is no reason to break those who pinned it.
func SelfSigned(path string, hosts []string, now time.Time) (*tls.Certificate, error) {
	hosts = withoutDots(hosts)
	if len(hosts) == 0 {
		return nil, errors.New("a self-signed certificate needs a host name or an address")
	}
	kept, err := loadKept(path)
	if err == nil && fits(kept.Leaf, hosts, now) {
		return kept, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the self-signed certificate: %w", err)
	}
	content, err := sign(hosts, now)
	if err != nil {
		return nil, fmt.Errorf("the self-signed certificate for %q: %w", hosts, err)
	}
	if err := replaceFile(path, content); err != nil {
		return nil, fmt.Errorf("the self-signed certificate: %w", err)
	}
	return loadKept(path)
}

// Fixed is a certificate that stays as it is while the service runs.
type Fixed struct{ pair *tls.Certificate }

// NewFixed returns one that is signed by itself.
func NewFixed(pair *tls.Certificate) *Fixed { return &Fixed{pair} }

// GetCertificate is for tls.Config; any number of goroutines may call it.
func (f *Fixed) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) { return f.pair, nil }

// Status says how the certificate is; any goroutine may ask.
func (f *Fixed) Status() zone.CertificateStatus { return statusOf(f.pair.Leaf, true) }

// Run has nothing to do until ctx is done.
func (f *Fixed) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// withoutDots takes the dot from the end of names, where certificates have none.
func withoutDots(hosts []string) []string {
	var plain []string
	for _, h := range hosts {
		if h = strings.TrimSuffix(h, "."); h != "" {
			plain = append(plain, h)
		}
	}
	return plain
}

func loadKept(path string) (*tls.Certificate, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(content, content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; remove the file to have a new one made", path, err)
	}
	return &pair, nil
}

func fits(leaf *x509.Certificate, hosts []string, now time.Time) bool {
	if now.Before(leaf.NotBefore) || now.After(leaf.NotAfter.Add(-renewBefore)) {
		return false
	}
	return !slices.ContainsFunc(hosts, func(h string) bool { return leaf.VerifyHostname(h) != nil })
}
