package e2e

import (
	"testing"
)

// bed is everything that takes part in getting a certificate, but for the client:
// the service, the customers' name server, the CA's resolver and the CA.
type bed struct {
	*service
	customers *nsd
	resolver  string
	ca        *pebble
}

func newBed(t *testing.T, tls string) *bed {
	t.Helper()
	return newBedFor(t, startService(t, tls))
}

func newBedFor(t *testing.T, s *service) *bed {
	t.Helper()
	b := &bed{service: s, customers: startNSD(t)}
	b.resolver = startUnbound(t, b.zones(b.dns))
	b.ca = startPebble(t, b.resolver)
	return b
}

// zones are the name servers of all zones, with that of acmezone's zone at addr.
func (b *bed) zones(addr string) map[string]string {
	zones := map[string]string{zoneName: addr}
	for _, zone := range customerZones {
		zones[zone] = b.customers.addr
	}
	return zones
}

// point puts the CNAME of a domain into the customer's zone, and waits until the
// resolver, which may have been asked for it before, sees it.
func (b *bed) point(t *testing.T, domain, target string) {
	t.Helper()
	b.customers.point(t, domain, target)
	mustPoint(t, b.resolver, challengeName(domain), target)
}

func challengeName(domain string) string { return "_acme-challenge." + domain }

// certificateNames are what every client gets a certificate for: apex and wildcard
// share a challenge name, so two values stand there at once.
var certificateNames = []string{"example.com", "*.example.com", "example.net", "*.example.net"}
