package e2e

import (
	"fmt"
	"os"
	"testing"

	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
	"github.com/miekg/dns"
)

// customerZones are served by a name server that acmezone knows nothing of.
var customerZones = []string{"example.com", "example.net"}

// nsd is the customers' name server, with zone files that a person edits.
type nsd struct {
	*nsdtest.Server
	addr    string
	serial  int
	targets map[string]string // customer zone -> target of its _acme-challenge
}

func startNSD(t *testing.T) *nsd {
	t.Helper()
	n := &nsd{targets: map[string]string{}}
	var o nsdtest.Options
	for _, zone := range customerZones {
		o.Zones = append(o.Zones, nsdtest.Zone{Name: zone, File: zone + ".zone", Text: n.next(zone)})
	}
	n.Server = nsdtest.Start(t, o)
	n.addr = n.Addr.String()
	return n
}

// next is a customer's zone file with the next serial. The short TTLs let a test
// see its own edits.
func (n *nsd) next(zone string) string {
	n.serial++
	text := fmt.Sprintf("$ORIGIN %s.\n$TTL 1\n@ IN SOA ns hostmaster ( %d 3600 600 86400 1 )\n@ IN NS ns\n@ IN A 192.0.2.1\nns IN A 127.0.0.1\n", zone, n.serial)
	if target := n.targets[zone]; target != "" {
		text += fmt.Sprintf("_acme-challenge IN CNAME %s\n", dns.Fqdn(target))
	}
	return text
}

// point does what acmezone's user does once per domain: put the CNAME into the
// zone file and reload.
func (n *nsd) point(t *testing.T, zone, target string) {
	t.Helper()
	n.targets[zone] = target
	n.Write(t, zone+".zone", n.next(zone))
	if _, err := n.Control("reload", zone); err != nil {
		t.Fatal(err)
	}
	mustPoint(t, n.addr, "_acme-challenge."+zone, target)
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
