package check_test

import (
	"context"
	"fmt"
	"net"
	"syscall"
	"testing"

	"github.com/acmezone/acmezone/internal/check"
	"github.com/acmezone/acmezone/internal/check/checktest"
	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
	"github.com/acmezone/acmezone/internal/zone"
)

// twoServers is a zone as it should be.
func twoServers(label string) own {
	o := own{label: label}
	o.nameservers = []string{"ns1." + o.name(), "ns2." + o.name()}
	o.records = []string{"ns1 A " + primaryAddr, "ns2 A " + secondaryAddr}
	return o
}

// handedOver is a zone with one name server at an address.
func handedOver(label, addr string) own {
	return own{label: label, records: []string{"ns1 A " + addr}}
}

// brokenZones are set-ups of which one thing is wrong, and how it must be named.
var brokenZones = []struct {
	own
	wanted
}{
	{own{label: "none", delegation: " "}, wanted{"delegation", check.Fault,
		"none.example doesn't delegate it: no resolver finds its way here",
		"add what 'acmezone delegation' prints to the zone none.example, and raise its serial"}},
	{own{label: "wrong", delegation: "auth NS ns.elsewhere.example."}, wanted{"delegation", check.Fault,
		"wrong.example delegates it to ns.elsewhere.example, and the zone's name servers are ns1.auth.wrong.example",
		"replace the NS records of auth.wrong.example in the zone wrong.example by those that 'acmezone delegation' prints"}},
	{own{label: "extra", delegation: "auth NS ns1.auth\nauth NS ns.elsewhere.example.\nns1.auth A " + primaryAddr}, wanted{"delegation", check.Fault,
		"extra.example delegates it to ns.elsewhere.example too, no name server of the zone: whoever asks there gets no answer, or a wrong one",
		"delete from the zone extra.example: auth.extra.example. IN NS ns.elsewhere.example."}},
	{own{label: "noglue", delegation: "auth NS ns1.auth"}, wanted{"glue", check.Fault,
		"glue is missing in noglue.example: the name server lies in the zone itself, so nobody finds its address",
		"add to the zone noglue.example: ns1.auth.noglue.example. IN A 127.0.2.1"}},
	{own{label: "badglue", delegation: "auth NS ns1.auth\nns1.auth A 127.0.9.9"}, wanted{"glue", check.Fault,
		"the glue in badglue.example is 127.0.9.9, and zone.records has 127.0.2.1",
		"in the zone badglue.example, delete: ns1.auth.badglue.example. IN A 127.0.9.9; add: ns1.auth.badglue.example. IN A 127.0.2.1"}},
	{handedOver("lame", customerAddr), wanted{"lame", check.Fault,
		"answers REFUSED: it doesn't know the zone",
		"'acmezone nsd-conf --for-secondary ADDRESS-OF-THE-PRIMARY' prints the clause for NSD"}},
	{handedOver("dead", deadAddr), wanted{"server", check.Fault,
		"nothing answers there: UDP: refused, TCP: refused",
		"start the name server, or open port 53 (UDP and TCP) to it; try: dig @127.0.4.9 . SOA"}},
	{handedOver("tcp", relayAddr), wanted{"tcp", check.Fault,
		"answers over UDP, not over TCP (refused): an answer that is too long for UDP is lost, and CAs ask with 512 octets",
		"open TCP port 53 to it in the firewall, as UDP is"}},
	{handedOver("edns", "127.0.4.2"), wanted{"edns", check.Fault,
		"gives no answer to a question with EDNS, and answers without: resolvers lose seconds, or give up",
		"let DNS with EDNS (RFC 6891) through the firewall"}},
	{own{label: "idle", text: handWritten("auth.idle.example", primaryAddr, serial, 1, "@ NS ns1\nns1 A "+primaryAddr).Text}, wanted{"idle name", check.Fault,
		"answers NXDOMAIN for a name without a value: resolvers that ask too early remember that, and miss the value",
		"'acmezone zone' prints it"}},
}

func TestBrokenZonesAreNamed(t *testing.T) {
	var zones []own
	for _, c := range brokenZones {
		zones = append(zones, c.own)
	}
	b := newBed(t, bedOptions{own: zones})
	b.ports[relayAddr] = checktest.Relay{To: b.primary.Addr, NoTCP: true}.Start(t)
	b.ports["127.0.4.2"] = checktest.Relay{To: b.primary.Addr, DropEDNS: true}.Start(t)
	b.ports[deadAddr] = nobody(t)
	for _, c := range brokenZones {
		t.Run(c.label, func(t *testing.T) {
			mustFind(t, check.Run(context.Background(), b.options(c.definition(t)), nil), c.wanted)
		})
	}
}

// nobody is an address that was free a moment ago.
func nobody(t *testing.T) string {
	t.Helper()
	server := nsdtest.Start(t, nsdtest.Options{Addr: "127.0.0.1"})
	server.Stop()
	return server.Addr.String()
}

func TestDelegationOnOneParentServerOnly(t *testing.T) {
	o := own{label: "partly"}
	// The customers' server has an older copy of the parent zone.
	second := "@ NS ns2\nns2 A " + customerAddr + "\n"
	o.delegation = second + "auth NS ns1.auth\nns1.auth A " + primaryAddr
	b := newBed(t, bedOptions{own: []own{o}, customers: []nsdtest.Zone{handWritten("partly.example", parentAddr, 0, 3600, second)}})
	mustFind(t, check.Run(context.Background(), b.options(o.definition(t)), nil), wanted{"delegation", check.Fault,
		"only some servers of partly.example have the delegation: ns2.partly.example (127.0.3.1) doesn't, ns.partly.example (127.0.1.1) does",
		"nsd-control transfer partly.example"})
}

func TestHealthyZone(t *testing.T) {
	o := twoServers("ok")
	b := newBed(t, bedOptions{own: []own{o}})
	b.secondary.Await(t, o.name(), serial)
	findings := check.Run(context.Background(), b.options(o.definition(t)), nil)
	for _, f := range findings {
		if f.Status != check.OK {
			t.Errorf("%+v", f)
		}
	}
	mustFind(t, findings, wanted{"delegation", check.OK, "ok.example delegates it to ns1.auth.ok.example, ns2.auth.ok.example", ""})
	mustFind(t, findings, wanted{"server", check.OK, fmt.Sprintf("answers over UDP and TCP, serial %d", serial), ""})
}

func TestSecondaryThatLagsBehind(t *testing.T) {
	o := twoServers("lag")
	b := newBed(t, bedOptions{own: []own{o}})
	b.secondary.Await(t, o.name(), serial)
	b.secondary.Freeze()
	b.primary.Write(t, o.label+".zone", render(t, o.definition(t), serial+7))
	if _, err := b.primary.Control("reload", o.name()); err != nil {
		t.Fatal(err)
	}
	b.primary.Await(t, o.name(), serial+7)
	mustFind(t, check.Run(context.Background(), b.options(o.definition(t)), nil), wanted{"serial", check.Fault,
		fmt.Sprintf("serial %d is 7 behind %d, which ns1.auth.lag.example (127.0.2.1) has: a CA that asks there gets old values", serial, serial+7),
		"on that server type: nsd-control force_transfer auth.lag.example"})
}

func TestZonesWithAPeculiarity(t *testing.T) {
	ahead, same, six := own{label: "ahead"}, handedOver("same", parentAddr), own{label: "six"}
	six.records = []string{"ns1 A " + primaryAddr, "ns1 AAAA 2001:db8::53"}
	b := newBed(t, bedOptions{own: []own{ahead, same, six}, parents: []nsdtest.Zone{same.zone(t)}})
	t.Run("its serial is ahead of the service's", func(t *testing.T) {
		opts := b.options(ahead.definition(t))
		opts.Service = &check.Service{
			Socket: t.TempDir() + "/none", TLS: "off", Listen: "127.0.0.1:1",
			Serial: func(context.Context) (zone.Serial, error) { return serial - 3, nil },
		}
		mustFind(t, check.Run(context.Background(), opts, nil), wanted{"serial", check.Fault,
			fmt.Sprintf("serial %d is 3 ahead of %d, which acmezone has: somebody else writes this zone, or the database is an old copy", serial, serial-3),
			"find out who else serves or edits the zone"})
	})
	// What its file says of the delegation can't be seen then, and resolvers get along.
	t.Run("the parent is on the same server", func(t *testing.T) {
		mustFind(t, check.Run(context.Background(), b.options(same.definition(t)), nil), wanted{"delegation", check.OK,
			"the servers of same.example answer for it themselves, with the name servers ns1.auth.same.example", ""})
	})
	// Nothing is said against servers that this machine can't reach.
	t.Run("there is no IPv6 here", func(t *testing.T) {
		opts := b.options(six.definition(t))
		opts.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if address[0] == '[' {
				return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ENETUNREACH}
			}
			return b.ports.Dial(ctx, network, address)
		}
		findings := check.Run(context.Background(), opts, nil)
		mustFind(t, findings, wanted{"server", check.Skipped, "no route to it from this machine", ""})
		mustFind(t, findings, wanted{"glue", check.OK, "127.0.2.1, 2001:db8::53", ""})
	})
}
