package cert

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/acmezone/acmezone/internal/watch"
	"github.com/acmezone/acmezone/internal/zone"
)

// Files is a certificate that others write into files. A new pair is taken up when
// the files change; one that doesn't fit together, or has expired while the old one
// hasn't, is refused and the old one stays.
type Files struct {
	certFile, keyFile string
	log               *slog.Logger
	current           atomic.Pointer[tls.Certificate] // never nil; Run's goroutine alone sets it
	refused           atomic.Pointer[string]          // why what the files hold now can't be used; nil: it is in use
}

// OpenFiles loads the pair. The error is one line that names the file and what is
// wrong with it. A certificate that has expired is used, and Replaceable warns of it.
func OpenFiles(certFile, keyFile string, log *slog.Logger) (*Files, error) {
	f := &Files{certFile: certFile, keyFile: keyFile, log: log}
	pair, err := f.load()
	if err != nil {
		return nil, err
	}
	f.current.Store(pair)
	return f, nil
}

// GetCertificate is for tls.Config; any number of goroutines may call it.
func (f *Files) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return f.current.Load(), nil
}

// Run takes up changes until ctx is done, and warns once a day while little is left of
// the certificate. It returns an error only if the files can't be watched.
func (f *Files) Run(ctx context.Context) error {
	var warning sync.WaitGroup
	defer warning.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	warning.Go(func() { daily(ctx, f.warn) })
	return watch.Files(ctx, []string{f.certFile, f.keyFile}, f.log, f.reload)
}

// daily does something every day until ctx is done.
func daily(ctx context.Context, do func()) {
	again := time.NewTicker(24 * time.Hour)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			do()
		case <-ctx.Done():
			return
		}
	}
}

func (f *Files) warn() {
	status := f.Status()
	trouble := status.Trouble(time.Now())
	switch {
	case trouble != "" && status.LastError != "":
		f.log.Warn(trouble, "file", f.certFile, "err", status.LastError)
	case trouble != "":
		f.log.Warn(trouble, "file", f.certFile)
	}
}

// Status says how the certificate is; any goroutine may ask.
func (f *Files) Status() zone.CertificateStatus {
	s := statusOf(f.current.Load().Leaf, false)
	if reason := f.refused.Load(); reason != nil {
		s.LastError = *reason
	}
	return s
}

// statusOf is that of a certificate which isn't got from a CA here.
func statusOf(leaf *x509.Certificate, selfSigned bool) zone.CertificateStatus {
	var s zone.CertificateStatus
	if len(leaf.DNSNames) > 0 {
		s.Host = leaf.DNSNames[0]
	}
	describe(&s, leaf, selfSigned)
	return s
}

func (f *Files) load() (*tls.Certificate, error) {
	chain, err := readRegular(f.certFile)
	if err != nil {
		return nil, fmt.Errorf("api.cert_file: %w", err)
	}
	key, err := readRegular(f.keyFile)
	if err != nil {
		return nil, fmt.Errorf("api.key_file: %w", err)
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		reason := errors.New(strings.TrimPrefix(err.Error(), "tls: "))
		return nil, fmt.Errorf("the certificate %s and the key %s: %w", f.certFile, f.keyFile, reason)
	}
	return &pair, nil
}

// readRegular reads a file. A pipe in its place would have its reader wait for ever, and
// neither a later change nor the end be noticed. What is wrong besides, reading says.
func readRegular(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	return os.ReadFile(path)
}

// successor loads what the files hold now. A pair that has expired is no improvement on
// one that hasn't.
func (f *Files) successor(current *tls.Certificate, now time.Time) (*tls.Certificate, error) {
	pair, err := f.load()
	if err == nil && now.After(pair.Leaf.NotAfter) && !now.After(current.Leaf.NotAfter) {
		return nil, fmt.Errorf("the certificate %s expired at %s", f.certFile, pair.Leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return pair, err
}

// reload takes up what the files hold now. Between the writing of one file and of
// the other they don't fit together; the next change brings it right.
func (f *Files) reload() {
	current := f.current.Load()
	pair, err := f.successor(current, time.Now())
	if err != nil {
		reason := err.Error()
		f.refused.Store(&reason)
		f.log.Warn("the certificate files changed and can't be used: the certificate from before stays until both files are right",
			"err", err, "expires", current.Leaf.NotAfter.UTC())
		return
	}
	f.refused.Store(nil)
	// The chain above the same certificate may have changed as well.
	if !slices.EqualFunc(pair.Certificate, current.Certificate, bytes.Equal) {
		f.current.Store(pair)
		f.announce()
	}
}

// announce says what is in use from now on.
func (f *Files) announce() {
	leaf, now := f.current.Load().Leaf, time.Now()
	f.log.Info("certificate in use", "file", f.certFile, "subject", leaf.Subject.String(), "names", leaf.DNSNames, "expires", leaf.NotAfter.UTC())
	switch {
	case now.After(leaf.NotAfter):
		f.log.Warn("the certificate has expired and clients will refuse it: renew it, the new files are taken up by themselves",
			"file", f.certFile, "expired", leaf.NotAfter.UTC())
	case now.Before(leaf.NotBefore):
		f.log.Warn("the certificate is not valid yet and clients will refuse it: look whether this machine's clock is right",
			"file", f.certFile, "from", leaf.NotBefore.UTC())
	default:
		f.warn()
	}
}
