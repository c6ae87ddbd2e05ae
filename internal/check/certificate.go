package check

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// enoughLeft is how long a certificate should still be good; of one with a short life,
// a third of it.
const enoughLeft = 20 * 24 * time.Hour

// checkCertificate looks at the API's certificate as its clients do.
func (c *checker) checkCertificate(ctx context.Context) []Finding {
	f := Finding{Check: "certificate", Subject: c.Service.Hostname, Status: Skipped}
	switch {
	case c.Service.TLS == "off":
		f.Message = `api.tls is "off": the certificate is that of whatever stands in front`
		return []Finding{f}
	case notRunning(c.reachSocket(ctx)):
		f.Message = "no service runs"
		return []Finding{f}
	}
	chain, err := c.shownCertificates(ctx)
	if err != nil {
		f.Message = fmt.Sprintf("%s shows none: %v", c.apiAddress(), err)
		return []Finding{f}
	}
	return []Finding{c.judgeManaged(ctx, f, chain, time.Now())}
}

func (c *checker) shownCertificates(ctx context.Context) ([]*x509.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, adminTime)
	defer cancel()
	raw, err := c.Dial(ctx, c.apiNetwork(), c.apiAddress())
	if err != nil {
		return nil, err
	}
	conn := tls.Client(raw, &tls.Config{ServerName: c.Service.Hostname, InsecureSkipVerify: true})
	defer conn.Close()
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return conn.ConnectionState().PeerCertificates, nil
}

// judgeCertificate says first what breaks every client.
func (c *checker) judgeCertificate(f Finding, chain []*x509.Certificate, now time.Time) Finding {
	leaf := chain[0]
	f.Status = Fault
	left := leaf.NotAfter.Sub(now)
	day := leaf.NotAfter.UTC().Format("2006-01-02 15:04 UTC")
	var nameErr x509.HostnameError
	switch _, verifyErr := leaf.Verify(c.verifyOptions(chain, now)); {
	case left <= 0:
		f.Message, f.Fix = "it expired at "+day+": clients refuse the API", c.renewFix()
	case now.Before(leaf.NotBefore):
		f.Message = fmt.Sprintf("it isn't valid before %s: is the clock of this machine right?", leaf.NotBefore.UTC().Format("2006-01-02 15:04 UTC"))
		f.Fix = "timedatectl"
	case errors.As(leaf.VerifyHostname(c.Service.Hostname), &nameErr):
		f.Message = fmt.Sprintf("it is for %s, and not for %s: clients refuse the API", list(append(leaf.DNSNames, addressNames(leaf)...)), c.Service.Hostname)
		f.Fix = fmt.Sprintf("get one for %s, or set api.hostname to the name that clients use", c.Service.Hostname)
	case selfSigned(leaf) && verifyErr != nil:
		f.Status, f.Message, f.Fix = Warning, "it is signed by itself: each client must be told to trust it", c.trustFix()
	case verifyErr != nil && len(chain) == 1:
		f.Message = fmt.Sprintf("clients don't trust it: %v; only the certificate itself is shown, without those that lead to its root", verifyErr)
		f.Fix = "append the CA's intermediate certificates to api.cert_file (certbot: use fullchain.pem, not cert.pem)"
	case verifyErr != nil:
		f.Message, f.Fix = fmt.Sprintf("clients don't trust it: %v", verifyErr), "use a certificate of a public CA, or install the CA's root at every client"
	case left < min(enoughLeft, leaf.NotAfter.Sub(leaf.NotBefore)/3):
		f.Status, f.Message, f.Fix = Warning, fmt.Sprintf("it expires at %s, in %s", day, inDays(left)), c.renewFix()
	default:
		f.Status, f.Message = OK, "good until "+day
	}
	return f
}

func (c *checker) verifyOptions(chain []*x509.Certificate, now time.Time) x509.VerifyOptions {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if c.Service.RootFile != "" {
		if pem, err := os.ReadFile(c.Service.RootFile); err == nil {
			roots.AppendCertsFromPEM(pem)
		}
	}
	options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool(), CurrentTime: now}
	for _, cert := range chain[1:] {
		options.Intermediates.AddCert(cert)
	}
	return options
}

func selfSigned(leaf *x509.Certificate) bool {
	return leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature) == nil
}

func addressNames(leaf *x509.Certificate) []string {
	var all []string
	for _, ip := range leaf.IPAddresses {
		if !net.IP.IsLoopback(ip) {
			all = append(all, ip.String())
		}
	}
	return all
}

// renewFix names the file where the operator keeps the certificate.
func (c *checker) renewFix() string {
	switch c.Service.TLS {
	case "files":
		return "renew the files of api.cert_file and api.key_file; the service takes them up by itself"
	case "self-signed":
		return "restart the service, which makes a new one: systemctl restart acmezone"
	}
	return "see why the service can't renew it: journalctl -u acmezone"
}

func (c *checker) trustFix() string {
	file := c.Service.SelfSigned
	if c.Service.TLS == "files" && c.Service.CertFile != "" {
		file = c.Service.CertFile
	} else if c.Service.TLS != "self-signed" || file == "" {
		file = "FILE-OF-THE-CERTIFICATE"
	}
	return fmt.Sprintf("give clients a copy of the certificate in %s (curl: --cacert; lego and other Go programs: SSL_CERT_FILE; Python: REQUESTS_CA_BUNDLE), or use one of a public CA", file)
}

func inDays(left time.Duration) string {
	if left < 2*time.Hour {
		return fmt.Sprintf("%d minutes", int(left.Minutes()))
	}
	if left < 48*time.Hour {
		return fmt.Sprintf("%d hours", int(left.Hours()))
	}
	return fmt.Sprintf("%d days", int(left.Hours()/24))
}
