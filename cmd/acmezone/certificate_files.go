package main

import (
	"context"
	"crypto/tls"
	"log/slog"
	"sync/atomic"

	"github.com/acmezone/acmezone/internal/cert"
	"github.com/acmezone/acmezone/internal/zone"
)

// watchedFiles is a certificate in files, which a reload may replace with others.
type watchedFiles struct {
	current atomic.Pointer[cert.Files] // never nil
	changed chan struct{}              // holds one token when there are other files to watch
	log     *slog.Logger
}

func watchFiles(files *cert.Files, log *slog.Logger) *watchedFiles {
	w := &watchedFiles{changed: make(chan struct{}, 1), log: log}
	w.current.Store(files)
	return w
}

// GetCertificate returns what the files hold now.
func (w *watchedFiles) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return w.current.Load().GetCertificate(hello)
}

// Status says how it is.
func (w *watchedFiles) Status() zone.CertificateStatus { return w.current.Load().Status() }

// replace has other files in their place.
func (w *watchedFiles) replace(files *cert.Files) {
	w.current.Store(files)
	select {
	case w.changed <- struct{}{}:
	default: // it is known already
	}
}

// Run takes up changes of the certificate files until ctx is done, and other files when
// the configuration names some. Those can't be given back any more when they
// turn out not to be watchable, so that is only said.
func (w *watchedFiles) Run(ctx context.Context) error {
	first := true
	for {
		err := w.watch(ctx, w.current.Load())
		if ctx.Err() != nil || err != nil && first {
			return err
		}
		if err != nil {
			w.log.Warn("changes of the certificate files go unnoticed until the service is restarted", "err", err)
			select {
			case <-ctx.Done():
				return nil
			case <-w.changed:
			}
		}
		first = false
	}
}

// watch watches one pair of files until ctx is done or there is another pair.
func (w *watchedFiles) watch(ctx context.Context, files *cert.Files) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- files.Run(ctx) }()
	select {
	case <-ctx.Done():
	case <-w.changed:
	case err := <-ended:
		return err
	}
	stop()
	return <-ended
}
