package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Validate checks every key by itself; the first fault is returned, with its key
// and value. What the zone may hold, zone.Define says.
func (c *Config) Validate() error {
	for _, check := range []func() error{c.checkZone, c.checkAPI, c.checkPlaces, c.checkPublish, c.checkLog} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// CheckServe checks what only a service needs: something that answers, and no key
// that asks for what this version doesn't have.
func (c *Config) CheckServe() error {
	if c.DNS == nil && c.NSD == nil {
		return errors.New("nothing would answer: add the section [dns], the embedded server")
	}
	return c.checkNotYet()
}

func (c *Config) checkZone() error {
	z := c.Zone
	switch {
	case z.MaxValues < 1 || z.MaxValues > 100:
		return fmt.Errorf("zone.max_values: %d is not from 1 to 100", z.MaxValues)
	case z.ValueLifetime != 0 && z.ValueLifetime < Duration(time.Second):
		return fmt.Errorf("zone.value_lifetime: %v is under a second; \"0\" keeps values for ever", z.ValueLifetime)
	}
	return oneOf("zone.serial_policy", z.SerialPolicy, "unixtime", "date", "increment")
}

func (c *Config) checkAPI() error {
	a := c.API
	return firstOf(
		oneOf("api.tls", a.TLS, "acme", "files", "self-signed", "off"),
		oneOf("api.registration", a.Registration, "open", "restricted", "closed"),
		listeners("api.listen", a.Listen),
		networks("api.register_from", a.RegisterFrom),
		networks("api.trusted_proxies", a.TrustedProxies),
		origins(a.CORSOrigins),
		pathPrefix(a.PathPrefix),
		certificateFiles(a),
	)
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func certificateFiles(a API) error {
	if a.TLS != "files" {
		return nil
	}
	for key, value := range map[string]string{"api.cert_file": a.CertFile, "api.key_file": a.KeyFile} {
		if value == "" {
			return fmt.Errorf("%s is missing: tls = \"files\" needs api.cert_file and api.key_file", key)
		}
	}
	return nil
}

// maxSocketPath is what a unix socket's address has room for (sys/un.h).
const maxSocketPath = 107

func (c *Config) checkPlaces() error {
	switch {
	case c.Store.Path == "":
		return errors.New("store.path is empty: name the database file")
	case c.Admin.Socket == "":
		return errors.New("admin.socket is empty: name a unix socket")
	case len(c.Admin.Socket) > maxSocketPath:
		return fmt.Errorf("admin.socket: %q is longer than the %d octets that a socket's path may have", c.Admin.Socket, maxSocketPath)
	case c.Admin.Listen != "" && !isListener(c.Admin.Listen):
		return fmt.Errorf("admin.listen: %q is not an address such as \"127.0.0.1:9180\"", c.Admin.Listen)
	case c.DNS != nil:
		return listeners("dns.listen", c.DNS.Listen)
	}
	return nil
}

func (c *Config) checkPublish() error {
	if c.Publish.Timeout < Duration(100*time.Millisecond) || c.Publish.Timeout > Duration(time.Hour) {
		return fmt.Errorf("publish.timeout: %v is not from 100ms to 1h", c.Publish.Timeout)
	}
	return oneOf("publish.unreachable", c.Publish.Unreachable, "skip", "fail")
}

func (c *Config) checkLog() error {
	return firstOf(
		oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error"),
		oneOf("log.format", c.Log.Format, "text", "json"),
	)
}

func oneOf(key, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	hint := ""
	if like := nearest(value, allowed); like != "" {
		hint = fmt.Sprintf("; did you mean %q?", like)
	}
	return fmt.Errorf("%s: %q is none of %s%s", key, value, strings.Join(allowed, ", "), hint)
}

func listeners(key string, addrs []string) error {
	if len(addrs) == 0 {
		return fmt.Errorf("%s is empty: name an address such as \"198.51.100.1:53\" or \"[::]:443\"", key)
	}
	for i, addr := range addrs {
		switch {
		case isSocket(addr) && key == "api.listen":
		case !isListener(addr):
			return fmt.Errorf("%s: %q is not an address such as \"198.51.100.1:443\" or \"[::]:443\"", key, addr)
		case slices.Contains(addrs[:i], addr) && !strings.HasSuffix(addr, ":0"):
			return fmt.Errorf("%s: %q is there twice", key, addr)
		}
	}
	return nil
}

// isListener takes an address, not a host name: what a name stands for may change
// under a running service.
func isListener(addr string) bool {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if _, err := netip.ParseAddr(host); host != "" && err != nil {
		return false
	}
	n, err := strconv.Atoi(port)
	return err == nil && n >= 0 && n <= 65535
}

func isSocket(addr string) bool {
	return strings.HasPrefix(addr, "/") || strings.HasPrefix(addr, "unix:")
}

func networks(key string, entries []string) error {
	for _, e := range entries {
		_, errPrefix := netip.ParsePrefix(e)
		_, errAddr := netip.ParseAddr(e)
		if errPrefix != nil && errAddr != nil {
			return fmt.Errorf("%s: %q is neither a network such as \"192.0.2.0/24\" nor an address", key, e)
		}
	}
	return nil
}

func origins(entries []string) error {
	for _, e := range entries {
		u, err := url.Parse(e)
		if e != "*" && (err != nil || u.Scheme == "" || u.Host == "" || strings.Trim(u.Path, "/") != "") {
			return fmt.Errorf("api.cors_origins: %q is not an origin such as \"https://panel.example.org\"", e)
		}
	}
	return nil
}

func pathPrefix(p string) error {
	if p == "" || strings.HasPrefix(p, "/") && !strings.HasSuffix(p, "/") && !strings.ContainsAny(p, "?#% ") {
		return nil
	}
	return fmt.Errorf("api.path_prefix: %q is not a path such as \"/acme\", with a slash before it and none behind", p)
}

// Warnings returns what is allowed and yet hardly meant.
func (c *Config) Warnings() []string {
	var all []string
	if c.API.Registration == "open" && slices.ContainsFunc(c.API.Listen, isPublic) {
		all = append(all, "api.registration is open: anybody who reaches the API can register names here")
	}
	if c.API.TLS == "off" && slices.ContainsFunc(c.API.Listen, isPublic) {
		all = append(all, "api.tls is off: passwords travel in the clear unless a proxy stands in front")
	}
	if c.Zone.ChallengeTTL > Duration(time.Minute) {
		all = append(all, fmt.Sprintf("zone.challenge_ttl is %v: a resolver may hold an old value for that long, and orders fail", c.Zone.ChallengeTTL))
	}
	if c.Zone.NegativeTTL > Duration(time.Minute) {
		all = append(all, fmt.Sprintf("zone.negative_ttl is %v: a resolver that asked too early may go without the value for that long", c.Zone.NegativeTTL))
	}
	if c.Zone.MaxValues > 6 {
		all = append(all, fmt.Sprintf("zone.max_values is %d: over six values don't fit in the 512 octets that validating resolvers take over UDP", c.Zone.MaxValues))
	}
	return all
}

func isPublic(addr string) bool {
	bound, err := netip.ParseAddrPort(addr)
	return err != nil || !bound.Addr().IsLoopback()
}
