package attach

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
)

const parked = "$TTL 1d\n@ SOA ns1.example.net. hostmaster.example.net. 7 3h 15m 4w 1d\n@ NS ns1.example.net.\n@ A 192.0.2.1\n"

// TestSharedZoneFileIsRefused has NSD read another zone from the same file: by its
// configuration, by a pattern of a zone that was added while NSD ran, and by links.
func TestSharedZoneFileIsRefused(t *testing.T) {
	o := nsdtest.Options{
		Zones: []nsdtest.Zone{
			{Name: customer, File: "parked.zone", Text: parked},
			{Name: "alone.example", File: "alone.zone", Text: parked},
			{Name: "added-to.example", File: "added.zone", Text: parked},
			{Name: "linked-to.example", File: "linked.zone", Text: parked},
			{Name: "Parked.example", File: "parked.zone"},
		},
		Patterns: "pattern:\n\tname: parking\n\tzonefile: \"added.zone\"\npattern:\n\tname: own\n\tzonefile: \"%s\"\n",
	}
	b := newBed(t, nsdtest.Start(t, o))
	b.Zones = []string{customer, "alone.example", "added-to.example", "linked-to.example"}
	if err := os.Symlink("linked.zone", filepath.Join(b.server.Dir, "link.example")); err != nil {
		t.Fatal(err)
	}
	for _, zone := range [][2]string{{"added.example", "parking"}, {"link.example", "own"}} {
		if out, err := b.server.Control("addzone", zone[0], zone[1]); err != nil {
			t.Fatal(out, err)
		}
		b.server.Await(t, zone[0], 7)
	}
	for domain, c := range map[string][2]string{customer: {"parked.zone", "parked.example"}, "added-to.example": {"added.zone", "added.example"}, "linked-to.example": {"linked.zone", "link.example"}} {
		b.path = filepath.Join(b.server.Dir, c[0])
		b.refused("www."+domain, "zone "+domain+": DIR/"+c[0]+" is the zone file of "+c[1]+" as well, which the edit would change too, so nothing was changed: give "+domain+" a zone file of its own, which may include what they share")
	}
	b.attach("www.alone.example")
}

// TestSharedSOAIsRefused has the SOA record in a file that two zones include, one of them
// by way of another file.
func TestSharedSOAIsRefused(t *testing.T) {
	b := newBed(t, nsdtest.Start(t, nsdtest.Options{Zones: []nsdtest.Zone{
		{Name: customer, File: customer + ".zone", Text: "$INCLUDE soa\n"},
		{Name: "example.net", File: "example.net.zone", Text: "$INCLUDE all\n"},
	}}))
	b.server.Write(t, "soa", parked)
	b.server.Write(t, "all", "$include ./soa\n")
	b.server.Restart()
	b.refused("www.example.com", "zone example.com: DIR/soa is included by DIR/example.net.zone as well, so the edit would change the zone example.net too, and nothing was changed: write into the zone file of example.com itself what the edit has to change there, such as the SOA record")
	b.server.Write(t, b.path, "$INCLUDE own\n")
	b.server.Write(t, "own", parked)
	b.attach("www.example.com")
}

// TestAddedZoneIsCloser has a zone below the customer's that isn't in nsd.conf.
func TestAddedZoneIsCloser(t *testing.T) {
	o := nsdtest.Options{Zones: zones(text(7)), Patterns: "pattern:\n\tname: own\n\tzonefile: \"%s.zone\"\n"}
	b := newBed(t, nsdtest.Start(t, o))
	b.server.Write(t, "shop.example.com.zone", parked)
	if out, err := b.server.Control("addzone", "shop.example.com", "own"); err != nil {
		t.Fatal(out, err)
	}
	b.refused("www.shop.example.com", "zone example.com: NSD has the zone shop.example.com, which _acme-challenge.www.shop.example.com. lies in: add that one to nsd.attach_zones")
}
