package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// files are the certificates of this run: one CA signs what Pebble and acmezone
// present over HTTPS.
var files struct{ caCert, cert, key string }

// trustTestCA makes the CA and one certificate for loopback, and has this process
// and its children trust the CA in the way a system's own roots are trusted: the
// clients under test then need no option that a user wouldn't set.
func trustTestCA(dir string) error {
	files.caCert = filepath.Join(dir, "ca.pem")
	files.cert = filepath.Join(dir, "cert.pem")
	files.key = filepath.Join(dir, "key.pem")
	if err := writeCertificates(); err != nil {
		return fmt.Errorf("test CA: %w", err)
	}
	for _, name := range []string{"SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"} {
		if err := os.Setenv(name, files.caCert); err != nil {
			return err
		}
	}
	return nil
}

func writeCertificates() error {
	ca := template(1, "acmezone test CA")
	ca.IsCA = true
	ca.KeyUsage = x509.KeyUsageCertSign
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	server := template(2, "localhost")
	server.DNSNames = []string{"localhost", zoneName}
	server.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := writeCertificate(files.caCert, ca, ca, &caKey.PublicKey, caKey); err != nil {
		return err
	}
	if err := writeCertificate(files.cert, server, ca, &key.PublicKey, caKey); err != nil {
		return err
	}
	return writePEM(files.key, "PRIVATE KEY", keyDER)
}

func template(serial int64, name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		BasicConstraintsValid: true,
	}
}

func writeCertificate(path string, cert, parent *x509.Certificate, public *ecdsa.PublicKey, signer *ecdsa.PrivateKey) error {
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, public, signer)
	if err != nil {
		return err
	}
	return writePEM(path, "CERTIFICATE", der)
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
