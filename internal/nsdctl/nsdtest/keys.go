package nsdtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"testing"
	"time"
)

// keyFiles are the files' names as Debian has them, by their keys in nsd.conf.
var keyFiles = map[string]string{
	"server-key-file":   "nsd_server.key",
	"server-cert-file":  "nsd_server.pem",
	"control-key-file":  "nsd_control.key",
	"control-cert-file": "nsd_control.pem",
}

// makeKeys does what nsd-control-setup does: the server signs its own certificate
// and that of nsd-control, and each trusts what the server has signed.
func (s *Server) makeKeys() {
	s.t.Helper()
	server, control := s.certificate("nsd"), s.certificate("nsd-control")
	server.IsCA, server.BasicConstraintsValid = true, true
	serverKey, controlKey := newKey(s.t), newKey(s.t)
	s.writeKey("nsd_server.key", serverKey)
	s.writeKey("nsd_control.key", controlKey)
	s.sign("nsd_server.pem", server, server, &serverKey.PublicKey, serverKey)
	s.sign("nsd_control.pem", control, server, &controlKey.PublicKey, serverKey)
}

func (s *Server) certificate(name string) *x509.Certificate {
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	if s.options.Control != OldTLS {
		c.DNSNames = []string{name}
	}
	return c
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (s *Server) sign(file string, cert, parent *x509.Certificate, public *ecdsa.PublicKey, signer *ecdsa.PrivateKey) {
	s.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, public, signer)
	if err != nil {
		s.t.Fatal(err)
	}
	s.writePEM(file, "CERTIFICATE", der)
}

func (s *Server) writeKey(file string, key *ecdsa.PrivateKey) {
	s.t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		s.t.Fatal(err)
	}
	s.writePEM(file, "PRIVATE KEY", der)
}

func (s *Server) writePEM(file, kind string, der []byte) {
	s.t.Helper()
	if err := os.WriteFile(s.path(file), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		s.t.Fatal(err)
	}
}
