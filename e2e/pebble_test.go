package e2e

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
)

// pebble is a CA as Let's Encrypt is, but for its name and its haste.
type pebble struct {
	directory  string
	management string // URL, without a slash at its end
	root       []byte // PEM
	roots      *x509.CertPool
}

// pebbleOptions are where a CA isn't as usual.
type pebbleOptions struct {
	validity  int               // seconds; 0: 90 days
	blocklist []string          // domains that it refuses
	bound     map[string]string // HMAC keys by key ID, one of which an account has to be bound with; nil: none has to
	env       []string
}

// startPebble starts a CA that looks challenges up at the resolver only.
func startPebble(t *testing.T, resolver string) *pebble {
	t.Helper()
	return startPebbleWith(t, resolver, pebbleOptions{})
}

func startPebbleWith(t *testing.T, resolver string, o pebbleOptions) *pebble {
	t.Helper()
	config := filepath.Join(t.TempDir(), "pebble.json")
	ports := launch(t, "pebble", 2, func(ports []int) command {
		writeFile(t, config, pebbleConfiguration(ports[0], ports[1], o))
		return command{
			program: binaries.pebble, args: []string{"-strict", "-config", config, "-dnsserver", resolver},
			env: append([]string{"PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0", "PEBBLE_AUTHZREUSE=0"}, o.env...),
		}
	}, func(ports []int) error {
		for _, url := range []string{directoryURL(ports[0]), rootURL(ports[1])} {
			if _, err := fetch(url); err != nil {
				return err
			}
		}
		return nil
	})
	root, err := fetch(rootURL(ports[1]))
	if err != nil {
		t.Fatal(err)
	}
	p := &pebble{directory: directoryURL(ports[0]), management: "https://" + loopback(ports[1]), root: root, roots: x509.NewCertPool()}
	if !p.roots.AppendCertsFromPEM(root) {
		t.Fatalf("Pebble's root is no certificate: %q", root)
	}
	return p
}

func directoryURL(port int) string { return "https://" + loopback(port) + "/dir" }
func rootURL(port int) string      { return "https://" + loopback(port) + "/roots/0" }

// retryAfter is a second, the least: it is how often clients look again.
func pebbleConfiguration(port, management int, o pebbleOptions) string {
	const ninetyDays = 90 * 24 * 60 * 60
	validity := o.validity
	if validity == 0 {
		validity = ninetyDays
	}
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": loopback(port), "managementListenAddress": loopback(management),
		"certificate": files.cert, "privateKey": files.key,
		"httpPort": 5002, "tlsPort": 5001, "keyAlgorithm": "ecdsa",
		"retryAfter":      map[string]int{"authz": 1, "order": 1},
		"domainBlocklist": o.blocklist, "externalAccountBindingRequired": o.bound != nil, "externalAccountMACKeys": o.bound,
		"profiles": map[string]any{"default": map[string]any{"description": "the only one", "validityPeriod": validity}},
	}})
	if err != nil {
		panic(err) // strings and numbers always can be written
	}
	return string(config)
}

func fetch(url string) ([]byte, error) { return fetchWith(http.DefaultClient, url) }

func fetchWith(client *http.Client, url string) ([]byte, error) {
	resp, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s %s", url, resp.Status, body)
	}
	return body, err
}

// verify fails unless the chain (DER, leaf first) is from this CA and is for the
// names, no more and no fewer.
func (p *pebble) verify(t *testing.T, chain [][]byte, names ...string) {
	t.Helper()
	var certs []*x509.Certificate
	intermediates := x509.NewCertPool()
	for _, der := range chain {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		certs = append(certs, cert)
		intermediates.AddCert(cert)
	}
	if len(certs) == 0 {
		t.Fatal("no certificate")
	}
	if _, err := certs[0].Verify(x509.VerifyOptions{Roots: p.roots, Intermediates: intermediates}); err != nil {
		t.Fatal(err)
	}
	got, want := slices.Sorted(slices.Values(certs[0].DNSNames)), slices.Sorted(slices.Values(names))
	if !slices.Equal(got, want) {
		t.Fatalf("the certificate is for %q, not for %q", got, want)
	}
}

func decodePEM(text []byte) (chain [][]byte) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		chain = append(chain, block.Bytes)
	}
	return chain
}
