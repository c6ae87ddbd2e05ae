package cert

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// Files is a certificate that others write into files. A new pair is taken up when
// the files change; one that doesn't fit together is refused and the old one stays.
type Files struct {
	certFile, keyFile string
	log               *slog.Logger
	current           atomic.Pointer[tls.Certificate]
}

// OpenFiles loads the pair. The error names the file and what is wrong with it.
func OpenFiles(certFile, keyFile string, log *slog.Logger) (*Files, error) {
	f := &Files{certFile: certFile, keyFile: keyFile, log: log}
	pair, err := f.load()
	if err != nil {
		return nil, err
	}
	f.use(pair)
	return f, nil
}

// GetCertificate is for tls.Config; any number of goroutines may call it.
func (f *Files) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return f.current.Load(), nil
}

// Run takes up changes until ctx is done.
func (f *Files) Run(ctx context.Context) error {
	return Watch(ctx, []string{f.certFile, f.keyFile}, f.reload)
}

func (f *Files) load() (*tls.Certificate, error) {
	for key, path := range map[string]string{"api.cert_file": f.certFile, "api.key_file": f.keyFile} {
		file, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		file.Close()
	}
	pair, err := tls.LoadX509KeyPair(f.certFile, f.keyFile)
	if err != nil {
		return nil, fmt.Errorf("the certificate %s and the key %s: %w", f.certFile, f.keyFile, err)
	}
	return &pair, nil
}

// reload takes up what the files hold now. Between the writing of one file and of
// the other they don't fit together; the next change brings it right.
func (f *Files) reload() {
	pair, err := f.load()
	if err != nil {
		f.log.Warn("the certificate files changed and can't be used; the certificate from before stays", "err", err)
		return
	}
	if !pair.Leaf.Equal(f.current.Load().Leaf) {
		f.use(pair)
	}
}

func (f *Files) use(pair *tls.Certificate) {
	f.current.Store(pair)
	leaf := pair.Leaf
	f.log.Info("certificate in use", "file", f.certFile, "names", leaf.DNSNames, "expires", leaf.NotAfter.UTC().Format(time.RFC3339))
	if time.Now().After(leaf.NotAfter) {
		f.log.Warn("the certificate has expired: clients will refuse it", "file", f.certFile)
	}
}
