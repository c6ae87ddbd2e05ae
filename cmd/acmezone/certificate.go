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
		s.certs, s.tls = files, cert.Config(files.GetCertificate)
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
