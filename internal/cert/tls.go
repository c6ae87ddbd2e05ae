package cert

import (
	"crypto/sha256"
	"crypto/tls"
	"fmt"
)

// Config returns the TLS settings of the API with certificates from that function,
// which is called by any number of goroutines.
func Config(get func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{GetCertificate: get, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
}

// Fingerprint returns the SHA-256 of a certificate in hexadecimal, by which clients
// can pin it.
func Fingerprint(c *tls.Certificate) string {
	return fmt.Sprintf("%x", sha256.Sum256(c.Certificate[0]))
}
