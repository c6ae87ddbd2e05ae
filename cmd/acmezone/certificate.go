package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/acmezone/acmezone/internal/audit"
	"github.com/acmezone/acmezone/internal/cert"
	"github.com/acmezone/acmezone/internal/config"
	"github.com/acmezone/acmezone/internal/publish"
	"github.com/acmezone/acmezone/internal/zone"
)

// certificate is the API's own.
type certificate interface {
	GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// Status says how it is; any goroutine may ask.
	Status() zone.CertificateStatus
	// Run looks after it until ctx is done.
	Run(ctx context.Context) error
}

// openTLS finds the certificate that api.tls asks for.
func (s *service) openTLS(context.Context) (err error) {
	switch s.cfg.API.TLS {
	case "acme":
		s.cert, err = s.openManaged()
	case "files":
		s.cert, err = s.openFiles()
	case "self-signed":
		s.cert, err = s.openSelfSigned()
	default:
		return nil
	}
	if err != nil {
		return err
	}
	s.tls = cert.Config(s.cert.GetCertificate)
	return nil
}

func (s *service) openFiles() (certificate, error) {
	files, err := cert.OpenFiles(s.cfg.API.CertFile, s.cfg.API.KeyFile, s.log)
	if err != nil {
		return nil, usageError{s.cfg.Locate(err)}
	}
	s.files = cert.NewReplaceable(files, s.log)
	return s.files, nil
}

func (s *service) openManaged() (certificate, error) {
	want, err := managed(s.cfg, s.definition())
	if err == nil {
		_, err = want.Check()
	}
	if err != nil {
		return nil, usageError{s.cfg.Locate(err)}
	}
	if s.definition().OwesAddressToWildcard(want.Host) {
		s.log.Warn(wildcardWarning(want.Host))
	}
	want.Challenges, want.Forget, want.Ready, want.Log = s.pipeline, s.remembered, s.pipeline.Ready(), s.log
	return cert.OpenManaged(want, s.selfSigned)
}

// remembered is for how long resolvers keep what the zone answers where a challenge is.
func (s *service) remembered() time.Duration {
	z := s.inForce.Load().cfg.Zone
	return time.Duration(max(z.ChallengeTTL, z.NegativeTTL))
}

// managed is the certificate that is wanted of a CA.
func managed(cfg *config.Config, def *zone.Definition) (cert.ACME, error) {
	host := strings.ToLower(strings.TrimSuffix(cfg.API.Hostname, "."))
	challenge, err := def.OwnChallenge(host)
	if err != nil {
		return cert.ACME{}, err
	}
	a := cfg.API
	want := cert.ACME{
		Host: host, Challenge: challenge, Directory: a.ACMEDirectory, Email: a.ACMEEmail, RootFile: a.ACMECAFile, Storage: a.ACMEStorage,
		EABKid: a.ACMEEABKid, EABKeyFile: a.ACMEEABKeyFile,
	}
	if want.Storage != "" {
		return want, cert.CanMake(want.Storage)
	}
	// The folder of the database may be made later than the configuration is checked.
	want.Storage = filepath.Join(filepath.Dir(cfg.Store.Path), "acme")
	return want, nil
}

func wildcardWarning(host string) string {
	return host + " has its address from a wildcard in zone.records, and loses it while its certificate is being renewed: give it an A or AAAA record of its own"
}

func (s *service) openSelfSigned() (certificate, error) {
	pair, err := s.selfSigned()
	if err != nil {
		return nil, err
	}
	s.log.Info("the API signs its own certificate; clients must be told to trust it", "file", selfSignedFile(s.cfg), "sha256", cert.Fingerprint(pair))
	return cert.NewFixed(pair), nil
}

func (s *service) selfSigned() (*tls.Certificate, error) {
	return cert.SelfSigned(selfSignedFile(s.cfg), s.certHosts(), time.Now())
}

func selfSignedFile(cfg *config.Config) string {
	return filepath.Join(filepath.Dir(cfg.Store.Path), "self-signed.pem")
}

// Certificate says how the API's own certificate is.
func (s *service) Certificate(context.Context) (zone.CertificateStatus, error) {
	if s.cert == nil {
		return zone.CertificateStatus{}, errors.New(`api.tls is "off": the certificate is that of whatever stands in front`)
	}
	return s.cert.Status(), nil
}

// apiChanges is the pipeline, and what else /health has to say.
type apiChanges struct {
	*publish.Pipeline
	cert  certificate // may be nil
	audit *audit.Log  // may be nil
	// refused says why the last configuration was not taken up; it holds nil if it was.
	refused *atomic.Pointer[refusal]
}

func (s *service) apiChanges() apiChanges {
	return apiChanges{s.pipeline, s.cert, s.audit, &s.refused}
}

// Degraded says what the service does without although it does its work. A certificate
// that clients refuse keeps no name server from answering, so it isn't more than that.
func (c apiChanges) Degraded() []string {
	all := c.Pipeline.Degraded()
	if c.audit.Fault() != nil {
		all = append(all, "the audit log takes no lines: the log says why, unless its disk is stuck") // strangers read this
	}
	if refused := c.refused.Load(); refused != nil { // the next start would fail over it
		all = append(all, refused.public())
	}
	if c.cert == nil {
		return all
	}
	if trouble := c.cert.Status().Trouble(time.Now()); trouble != "" {
		all = append(all, trouble)
	}
	return all
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
