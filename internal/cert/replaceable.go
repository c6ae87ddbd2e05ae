package cert

import (
	"context"
	"crypto/tls"
	"log/slog"
	"sync/atomic"

	"github.com/acmezone/acmezone/internal/zone"
)

// Replaceable is a certificate in files in whose place others may be named while it is in
// use. Any number of goroutines may use it.
type Replaceable struct {
	current atomic.Pointer[Files] // never nil
	changed chan struct{}         // holds one token when there are other files to watch
	log     *slog.Logger
}

// NewReplaceable begins with those files, and says in the log what they hold.
func NewReplaceable(files *Files, log *slog.Logger) *Replaceable {
	r := &Replaceable{changed: make(chan struct{}, 1), log: log}
	r.current.Store(files)
	files.announce()
	return r
}

// GetCertificate returns what the files hold now.
func (r *Replaceable) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return r.current.Load().GetCertificate(hello)
}

// Status says how it is.
func (r *Replaceable) Status() zone.CertificateStatus { return r.current.Load().Status() }

// Replace has other files in their place, at once, and says what they hold.
func (r *Replaceable) Replace(files *Files) {
	r.current.Store(files)
	files.announce()
	select {
	case r.changed <- struct{}{}:
	default: // it is known already
	}
}

// Run takes up changes of the files until ctx is done, of those that are in use by then. It
// returns an error if the first ones can't be watched. Later ones can't be given back any
// more when they turn out so, and that is only said.
func (r *Replaceable) Run(ctx context.Context) error {
	first := true
	for {
		err := r.watch(ctx, r.current.Load())
		if ctx.Err() != nil || err != nil && first {
			return err
		}
		if err != nil {
			r.log.Warn("changes of the certificate files go unnoticed until the service is restarted", "err", err)
			select {
			case <-ctx.Done():
				return nil
			case <-r.changed:
			}
		}
		first = false
	}
}

// watch watches one pair of files until ctx is done or there is another pair.
func (r *Replaceable) watch(ctx context.Context, files *Files) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- files.Run(ctx) }()
	select {
	case <-ctx.Done():
	case <-r.changed:
	case err := <-ended:
		return err
	}
	stop()
	return <-ended
}
