package nsdtest

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/netip"
	"slices"
	"testing"
)

// keyName is that of the TSIG key that primary and secondaries share.
const keyName = "transfer"

// Family starts a primary with the options, and a number of secondaries on the
// loopback addresses after the primary's. NOTIFY and transfers of all its zones are
// signed. The secondaries have the options but for the zones' Text and Extra, and
// hold the zones only when they have fetched them: Await tells.
func Family(t testing.TB, o Options, secondaries int) (*Server, []*Server) {
	t.Helper()
	addrs := []netip.AddrPort{reserved(t, o.Addr)}
	for range secondaries {
		addrs = append(addrs, Reserve(t, addrs[len(addrs)-1].Addr().Next().String()))
	}
	o.Patterns += tsigKey()
	// The primary is first: a secondary that finds none waits before it asks again.
	primary := Start(t, primaryOptions(o, addrs))
	var servers []*Server
	for _, addr := range addrs[1:] {
		servers = append(servers, Start(t, secondaryOptions(o, addr, addrs[0])))
	}
	return primary, servers
}

func tsigKey() string {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails
	return fmt.Sprintf("key:\n\tname: %q\n\talgorithm: hmac-sha256\n\tsecret: %q\n",
		keyName, base64.StdEncoding.EncodeToString(secret[:]))
}

func primaryOptions(o Options, addrs []netip.AddrPort) Options {
	o.Addr = addrs[0].String()
	lines := fmt.Sprintf("\noutgoing-interface: %s\n", addrs[0].Addr())
	for _, addr := range addrs[1:] {
		lines += fmt.Sprintf("notify: %s@%d %s\n", addr.Addr(), addr.Port(), keyName)
		lines += fmt.Sprintf("provide-xfr: %s %s\n", addr.Addr(), keyName)
	}
	o.Zones = slices.Clone(o.Zones)
	for i := range o.Zones {
		o.Zones[i].Extra += lines
	}
	return o
}

// secondaryOptions has transfers come from the secondary's own address, as between
// machines; the system would take 127.0.0.1.
func secondaryOptions(o Options, own, primary netip.AddrPort) Options {
	o.Addr = own.String()
	o.Zones = slices.Clone(o.Zones)
	for i := range o.Zones {
		o.Zones[i].Text = ""
		o.Zones[i].Extra = fmt.Sprintf("outgoing-interface: %s\nallow-notify: %s %s\nrequest-xfr: %s@%d %s\n",
			own.Addr(), primary.Addr(), keyName, primary.Addr(), primary.Port(), keyName)
	}
	return o
}
