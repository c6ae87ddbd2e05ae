package config

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Warnings returns what is allowed and yet hardly meant, a line each.
func (c *Config) Warnings() []string {
	var all []string
	for _, w := range slices.Concat(c.openDoors(), c.slowZone()) {
		if w.applies {
			all = append(all, w.text)
		}
	}
	return all
}

type warning struct {
	applies bool
	text    string
}

func (c *Config) openDoors() []warning {
	public := slices.ContainsFunc(c.API.Listen, isPublic)
	files := c.API.CertFile != "" || c.API.KeyFile != ""
	return []warning{
		{c.API.Registration == "open" && public,
			"api.registration is open: anybody who reaches the API can register names here"},
		{c.API.Registration == "restricted" && public && slices.ContainsFunc(c.API.RegisterFrom, isEverybody),
			"api.register_from holds every address: anybody who reaches the API can register names here"},
		{slices.ContainsFunc(c.API.TrustedProxies, isEverybody),
			"api.trusted_proxies holds every address: whoever calls is believed whom he names, so allow lists, register_from and limits keep nobody out; name the proxies"},
		{c.API.TLS == "off" && public,
			"api.tls is off: passwords travel in the clear unless a proxy stands in front"},
		{c.everybodyIsOne(),
			"api.trusted_proxies is empty: behind a proxy everybody counts as one client, in limits and in allow lists; name the proxy's address, or \"unix\""},
		{c.behindWall(),
			"api.listen is for this machine alone: if a proxy passes strangers' connections on to it, they come from this machine as well and may register; name the proxy in api.trusted_proxies, or say in api.register_from who may"},
		{files && c.API.TLS != "files",
			fmt.Sprintf("api.cert_file and api.key_file are not used: api.tls is %q, not \"files\"", c.API.TLS)},
	}
}

// everybodyIsOne reports whether a proxy has to stand in front, and nobody was named
// whose word counts. Who says which addresses have no limits has thought of it. On a
// loopback address it may as well be clients of this machine: there the API itself warns
// when a proxy shows.
func (c *Config) everybodyIsOne() bool {
	proxied := c.API.TLS == "off" && slices.ContainsFunc(c.API.Listen, isPublic) || anySocket(c.API.Listen)
	return proxied && len(c.API.TrustedProxies) == 0 && len(c.Limits.Exempt) == 0
}

// behindWall reports whether strangers could come through a proxy only, one that passes
// TLS on, and would then be taken for this machine, which may register.
func (c *Config) behindWall() bool {
	local := !slices.ContainsFunc(c.API.Listen, isPublic) && !anySocket(c.API.Listen)
	byDefault := c.API.Registration == "restricted" && slices.Equal(c.API.RegisterFrom, loopback())
	return local && byDefault && c.API.TLS != "off" && len(c.API.TrustedProxies) == 0
}

// slowZone warns of what makes orders fail: validation takes the newest value, at once.
func (c *Config) slowZone() []warning {
	z := c.Zone
	return []warning{
		{z.ChallengeTTL > Duration(time.Minute),
			fmt.Sprintf("zone.challenge_ttl is %v: a resolver may hold an old value for that long, and orders fail", z.ChallengeTTL)},
		{z.NegativeTTL > Duration(time.Minute),
			fmt.Sprintf("zone.negative_ttl is %v: a resolver that asked too early may go without the value for that long", z.NegativeTTL)},
		{z.MaxValues > 6,
			fmt.Sprintf("zone.max_values is %d: over six values don't fit in the 512 octets that validating resolvers take over UDP", z.MaxValues)},
	}
}

func isPublic(addr string) bool {
	bound, err := netip.ParseAddrPort(addr)
	return !isSocket(addr) && (err != nil || !bound.Addr().IsLoopback())
}

func isEverybody(network string) bool {
	n, err := netip.ParsePrefix(network)
	return err == nil && n.Bits() == 0
}
