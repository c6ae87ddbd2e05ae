package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// startUnbound starts a resolver that asks as Let's Encrypt's do, and returns its
// address. Each zone is given the address of its name server, as there is no root
// above them here.
func startUnbound(t *testing.T, zones map[string]string) string {
	t.Helper()
	server := program(t, "unbound", "unbound")
	config := filepath.Join(t.TempDir(), "unbound.conf")
	ports := launch(t, "unbound", 1, func(ports []int) command {
		writeFile(t, config, unboundConfiguration(ports[0], filepath.Dir(config), zones))
		return command{program: server, args: []string{"-d", "-c", config}, graceful: true}
	}, func(ports []int) error {
		for zone := range zones {
			if _, err := ask(loopback(ports[0]), zone, dns.TypeSOA); err != nil {
				return err
			}
		}
		return nil
	})
	return loopback(ports[0])
}

// The validator is loaded but has no trust anchor: it would have to be fetched,
// and the zones here are unsigned anyway. The outgoing ports stay clear of those
// that freePorts hands out.
func unboundConfiguration(port int, dir string, zones map[string]string) string {
	var c strings.Builder
	fmt.Fprintf(&c, `server:
	interface: 127.0.0.1
	port: %d
	access-control: 127.0.0.0/8 allow
	do-ip6: no
	do-daemonize: no
	chroot: ""
	username: ""
	directory: %[2]q
	pidfile: "%[2]s/unbound.pid"
	logfile: ""
	use-syslog: no
	log-servfail: yes
	module-config: "validator iterator"
	use-caps-for-id: yes
	edns-buffer-size: 512
	qname-minimisation: yes
	qname-minimisation-strict: yes
	do-not-query-localhost: no
	outgoing-port-avoid: "0-32767"
remote-control:
	control-enable: no
`, port, dir)
	for zone, addr := range zones {
		fmt.Fprintf(&c, "stub-zone:\n\tname: %q\n\tstub-addr: %q\n", zone, strings.Replace(addr, ":", "@", 1))
	}
	return c.String()
}
