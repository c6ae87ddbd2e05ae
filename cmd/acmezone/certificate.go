package main

import (
	"context"
	"crypto/tls"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/acmezone/acmezone/internal/cert"
)

// openTLS finds the certificate that api.tls asks for.
func (s *service) openTLS(context.Context) error {
	switch s.cfg.API.TLS {
	case "files":
		files, err := cert.OpenFiles(s.cfg.API.CertFile, s.cfg.API.KeyFile, s.log)
		if err != nil {
			return usageError{s.cfg.Locate(err)}
		}
		s.certs.Store(files)
		s.tls = cert.Config(func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return s.certs.Load().GetCertificate(hello)
		})
	case "self-signed":
		path := filepath.Join(filepath.Dir(s.cfg.Store.Path), "self-signed.pem")
		pair, err := cert.SelfSigned(path, s.certHosts(), time.Now())
		if err != nil {
			return err
		}
		s.log.Info("the API signs its own certificate; clients must be told to trust it", "file", path, "sha256", cert.Fingerprint(pair))
		s.tls = cert.Config(func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair, nil })
	}
	return nil
}

// certHosts are the names that a self-signed certificate is for: the API's own,
// and the addresses it listens on.
func (s *service) certHosts() []string {
	hosts := []string{strings.TrimSuffix(s.cfg.API.Hostname, "."), "localhost", "127.0.0.1", "::1"}
	for _, l := range s.api {
		if addr, err := netip.ParseAddrPort(l.Addr().String()); err == nil && !addr.Addr().IsUnspecified() {
			hosts = append(hosts, addr.Addr().String())
		}
	}
	slices.Sort(hosts[1:])
	return slices.Compact(hosts)
}

// watchCertificates takes up changes of the certificate files until ctx is done, and other
// files when the configuration names some. Those can't be given back any more when they
// turn out not to be watchable, so that is only said.
func (s *service) watchCertificates(ctx context.Context) error {
	first := true
	for {
		err := s.watchThese(ctx, s.certs.Load())
		if ctx.Err() != nil || err != nil && first {
			return err
		}
		if err != nil {
			s.log.Warn("changes of the certificate files go unnoticed until the service is restarted", "err", err)
			select {
			case <-ctx.Done():
				return nil
			case <-s.recert:
			}
		}
		first = false
	}
}

// watchThese watches one pair of files until ctx is done or there is another pair.
func (s *service) watchThese(ctx context.Context, files *cert.Files) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- files.Run(ctx) }()
	select {
	case <-ctx.Done():
	case <-s.recert:
	case err := <-ended:
		return err
	}
	stop()
	return <-ended
}
