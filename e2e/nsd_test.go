package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// customerZones are served by a name server that acmezone knows nothing of.
var customerZones = []string{"example.com", "example.net"}

// nsd is the customers' name server, with zone files that a person edits.
type nsd struct {
	dir, config string
	addr        string
	serial      int
	targets     map[string]string // customer zone -> target of its _acme-challenge
}

func startNSD(t *testing.T) *nsd {
	t.Helper()
	server := program(t, "nsd", "nsd")
	n := &nsd{dir: t.TempDir(), targets: map[string]string{}}
	n.config = filepath.Join(n.dir, "nsd.conf")
	for _, zone := range customerZones {
		n.write(t, zone)
	}
	ports := launch(t, "nsd", 1, func(ports []int) command {
		writeFile(t, n.config, n.configuration(ports[0]))
		return command{program: server, args: []string{"-d", "-c", n.config}, graceful: true}
	}, func(ports []int) error {
		_, err := ask(loopback(ports[0]), customerZones[0], dns.TypeSOA)
		return err
	})
	n.addr = loopback(ports[0])
	return n
}

func (n *nsd) configuration(port int) string {
	var c strings.Builder
	fmt.Fprintf(&c, `server:
	ip-address: 127.0.0.1@%d
	server-count: 1
	username: ""
	database: ""
	zonesdir: %[2]q
	pidfile: "%[2]s/nsd.pid"
	xfrdfile: "%[2]s/xfrd.state"
	zonelistfile: "%[2]s/zone.list"
	rrl-ratelimit: 0
	rrl-whitelist-ratelimit: 0
remote-control:
	control-enable: yes
	control-interface: "%[2]s/control"
`, port, n.dir)
	for _, zone := range customerZones {
		fmt.Fprintf(&c, "zone:\n\tname: %q\n\tzonefile: %q\n", zone, zone+".zone")
	}
	return c.String()
}

// write writes a customer's zone file. The short TTLs let a test see its own edits.
func (n *nsd) write(t *testing.T, zone string) {
	t.Helper()
	n.serial++
	text := fmt.Sprintf("$ORIGIN %s.\n$TTL 1\n@ IN SOA ns hostmaster ( %d 3600 600 86400 1 )\n@ IN NS ns\n@ IN A 192.0.2.1\nns IN A 127.0.0.1\n", zone, n.serial)
	if target := n.targets[zone]; target != "" {
		text += fmt.Sprintf("_acme-challenge IN CNAME %s\n", dns.Fqdn(target))
	}
	writeFile(t, filepath.Join(n.dir, zone+".zone"), text)
}

// point does what acmezone's user does once per domain: put the CNAME into the
// zone file and reload.
func (n *nsd) point(t *testing.T, zone, target string) {
	t.Helper()
	n.targets[zone] = target
	n.write(t, zone)
	output(t, "", program(t, "nsd-control", "nsd"), "-c", n.config, "reload", zone)
	mustPoint(t, n.addr, "_acme-challenge."+zone, target)
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
