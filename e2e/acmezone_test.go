package e2e

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

const zoneName = "auth.example.org"

// Ways in which the service's API is reached.
const (
	plainHTTP  = "off"
	certFiles  = "files"
	selfSigned = "self-signed"
)

// service is a running acmezone.
type service struct {
	config string // its configuration file
	url    string // of the API, without a slash at its end
	host   string // its host and port
	dns    string // the address that the zone is asked for at
}

// startService starts acmezone with the embedded DNS server and one of the API's
// ways. The networks may register without a token; none: loopback.
func startService(t *testing.T, mode string, networks ...string) *service {
	t.Helper()
	return launchService(t, mode, networks, func(port int) string {
		return fmt.Sprintf("[dns]\nlisten = [%q]\n", loopback(port))
	})
}

// launchService starts acmezone and waits until it says that it is healthy. Who
// answers DNS stands in a section of its configuration, which is given a free port.
func launchService(t *testing.T, mode string, networks []string, section func(port int) string) *service {
	t.Helper()
	if len(networks) == 0 {
		networks = []string{"127.0.0.0/8"}
	}
	dir := t.TempDir()
	s := &service{config: filepath.Join(dir, "acmezone.toml")}
	ports := launch(t, "acmezone", 2, func(ports []int) command {
		writeFile(t, s.config, configuration(dir, mode, networks, ports[0])+section(ports[1]))
		return command{program: binaries.acmezone, args: []string{"serve", "--config", s.config}, graceful: true}
	}, func(ports []int) error {
		return healthy(mode, loopback(ports[0]))
	})
	s.host, s.dns = loopback(ports[0]), loopback(ports[1])
	s.url = scheme(mode) + s.host
	return s
}

// register_from is spelt out: without TLS a proxy may stand in front, and then
// nobody is allowed by default.
func configuration(dir, mode string, networks []string, port int) string {
	var c strings.Builder
	fmt.Fprintf(&c, `[zone]
name = %q
nameservers = ["ns.%[1]s"]
contact = "hostmaster@example.org"
records = ["@ A 127.0.0.1", "ns A 127.0.0.1"]

[store]
path = %q

[admin]
socket = %q

[api]
listen = [%q]
tls = %q
register_from = ["%s"]
`, zoneName, filepath.Join(dir, "acmezone.db"), filepath.Join(dir, "admin.sock"), loopback(port), mode,
		strings.Join(networks, `", "`))
	if mode == certFiles {
		fmt.Fprintf(&c, "cert_file = %q\nkey_file = %q\n", files.cert, files.key)
	}
	return c.String() + "\n"
}

func scheme(mode string) string {
	if mode == plainHTTP {
		return "http://"
	}
	return "https://"
}

// healthy asks as a monitor does.
func healthy(mode, host string) error {
	client := http.DefaultClient
	if mode == selfSigned || mode == fromCA {
		client = unverified
	}
	_, err := fetchWith(client, scheme(mode)+host+"/health")
	return err
}

// unverified is for a service whose certificate nobody can know beforehand.
var unverified = &http.Client{Transport: &http.Transport{
	TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
}}
