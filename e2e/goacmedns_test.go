package e2e

import (
	"testing"

	"github.com/nrdcg/goacmedns"
)

// TestGoacmedns uses the library by itself, as Traefik's and cert-manager's
// operators meet it: it registers, updates and gets a certificate.
func TestGoacmedns(t *testing.T) {
	t.Parallel()
	b := newBed(t, certFiles)
	client, err := goacmedns.NewClient(b.url)
	if err != nil {
		t.Fatal(err)
	}
	accounts := map[string]goacmedns.Account{}
	update := func(domain, value string) {
		if err := client.UpdateTXTRecord(limited(t), accounts[domain], value); err != nil {
			t.Fatal(err)
		}
		mustServe(t, b.dns, accounts[domain].FullDomain, value)
	}
	for _, zone := range customerZones {
		// No allow list: the body is null.
		if accounts[zone], err = client.RegisterAccount(limited(t), nil); err != nil {
			t.Fatal(err)
		}
		b.point(t, zone, accounts[zone].FullDomain)
		value := newValue()
		update(zone, value)
		mustServe(t, b.resolver, challengeName(zone), value)
	}
	b.ca.verify(t, b.obtain(t, certificateNames, update), certificateNames...)
}
