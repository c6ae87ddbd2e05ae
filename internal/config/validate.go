package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// Validate checks what every command relies on: each key by itself. The first fault
// is returned, with its place, key and value. What the zone may hold, zone.Define
// says.
func (c *Config) Validate() error {
	for _, check := range []func() error{c.checkZone, c.checkStore, c.checkAPI, c.checkLimits, c.checkAdmin, c.checkDNS, c.checkNSD, c.checkPublish, c.checkLog} {
		if err := check(); err != nil {
			return c.Locate(err)
		}
	}
	return nil
}

// CheckServe checks what only a service needs: something that answers, and no key
// that asks for what this version doesn't have.
func (c *Config) CheckServe() error {
	if c.DNS == nil && !c.NSD.Publishes() {
		return c.Locate(errors.New("nothing would answer: add the section [dns], the embedded server, or [nsd], an NSD that runs already"))
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

func (c *Config) checkStore() error {
	if c.Store.Path == "" {
		return errors.New("store.path is empty: name the database file")
	}
	return nil
}

func (c *Config) checkAPI() error {
	a := c.API
	return firstOf(
		listeners("api.listen", a.Listen, takesSockets),
		c.checkHostname(),
		oneOf("api.tls", a.TLS, "acme", "files", "self-signed", "off"),
		certificateFiles(a),
		webAddress("api.acme_directory", a.ACMEDirectory),
		externalAccount(a),
		pathPrefix("api.path_prefix", a.PathPrefix),
		oneOf("api.registration", a.Registration, "open", "restricted", "closed"),
		networks("api.register_from", a.RegisterFrom),
		proxies("api.trusted_proxies", a.TrustedProxies),
		origins("api.cors_origins", a.CORSOrigins),
	)
}

// checkHostname leaves the default to zone.Define, which knows the zone's name.
func (c *Config) checkHostname() error {
	if c.API.Hostname == strings.TrimSuffix(c.Zone.Name, ".") {
		return nil
	}
	return hostname("api.hostname", c.API.Hostname)
}

func certificateFiles(a API) error {
	const needs = `is missing: tls = "files" needs api.cert_file and api.key_file`
	switch {
	case a.TLS == "files" && a.CertFile == "":
		return errors.New("api.cert_file " + needs)
	case a.TLS == "files" && a.KeyFile == "":
		return errors.New("api.key_file " + needs)
	}
	return nil
}

// externalAccount leaves the key's file to those who read it.
func externalAccount(a API) error {
	outside := func(r rune) bool { return r <= ' ' || r > '~' }
	switch {
	case a.ACMEEABKid != "" && a.ACMEEABKeyFile == "":
		return errors.New("api.acme_eab_hmac_key_file is missing: api.acme_eab_kid goes with the HMAC key that the CA gives together with it")
	case a.ACMEEABKid == "" && a.ACMEEABKeyFile != "":
		return errors.New("api.acme_eab_kid is missing: api.acme_eab_hmac_key_file goes with the key ID that the CA gives together with it")
	case strings.ContainsFunc(a.ACMEEABKid, outside):
		return fmt.Errorf("api.acme_eab_kid: %q holds a blank, or a character that isn't ASCII: copy the key ID as the CA gives it", a.ACMEEABKid)
	}
	return nil
}

func (c *Config) checkLimits() error {
	l := c.Limits
	return firstOf(
		networks("limits.exempt", l.Exempt),
		atLeast("limits.connections", l.Connections, 1),
		atLeast("limits.connections_per_address", l.ConnectionsPerAddress, 1),
	)
}

func (c *Config) checkAdmin() error {
	if c.Admin.Socket == "" {
		return errors.New("admin.socket is empty: name a unix socket")
	}
	if err := socketPath("admin.socket", c.Admin.Socket); err != nil {
		return err
	}
	if c.Admin.Listen == "" {
		return nil
	}
	return listeners("admin.listen", []string{c.Admin.Listen}, addressesOnly)
}

func (c *Config) checkDNS() error {
	if c.DNS == nil {
		return nil
	}
	return firstOf(
		listeners("dns.listen", c.DNS.Listen, addressesOnly),
		atLeast("dns.rate_limit", c.DNS.RateLimit, 0),
		atLeast("dns.rate_limit_slip", c.DNS.RateLimitSlip, 0),
		networks("dns.rate_limit_exempt", c.DNS.RateLimitExempt),
		atLeast("dns.connections", c.DNS.Connections, 1),
		atLeast("dns.connections_per_address", c.DNS.ConnectionsPerAddress, 1),
	)
}

func (c *Config) checkNSD() error {
	switch {
	case c.NSD == nil:
		return nil
	case c.NSD.Config == "":
		return errors.New("nsd.config is empty: name NSD's configuration file")
	case c.NSD.Control != "" && len(c.NSD.ControlCommand) > 0:
		return errors.New("nsd.control_command: nsd.control is set as well: leave one of them out")
	}
	if c.NSD.Use == "attach" && len(c.NSD.AttachZones) == 0 {
		return errors.New("nsd.use: \"attach\" without nsd.attach_zones is no use: name the zones")
	}
	return firstOf(oneOf("nsd.use", c.NSD.Use, "publish", "attach"), c.NSD.checkAttach(c.Zone.Name))
}

// checkAttach lets nothing through that would have to be quoted in a zone file.
func (n *NSD) checkAttach(own string) error {
	for _, name := range n.AttachZones {
		if err := hostname("nsd.attach_zones", name); err != nil {
			return err
		}
		if strings.EqualFold(strings.TrimSuffix(name, "."), strings.TrimSuffix(own, ".")) {
			return fmt.Errorf("nsd.attach_zones: %q is acmezone's own zone: name those of the domains that want certificates", name)
		}
	}
	switch {
	case !filepath.IsAbs(n.SnippetDir):
		return fmt.Errorf("nsd.snippet_dir: %q is not an absolute path: NSD begins others in its zonesdir", n.SnippetDir)
	case strings.ContainsFunc(n.SnippetDir, func(r rune) bool { return r <= ' ' || strings.ContainsRune("\"'();\\$", r) }):
		return fmt.Errorf("nsd.snippet_dir: %q holds a character that zone files would need quotes for: name another folder", n.SnippetDir)
	case n.AttachSocket == "":
		return errors.New("nsd.attach_socket is empty: name a unix socket")
	}
	return firstOf(
		oneOf("nsd.attach_mode", n.AttachMode, "include", "inline"),
		socketPath("nsd.attach_socket", n.AttachSocket),
	)
}

func (c *Config) checkPublish() error {
	if c.Publish.Timeout < Duration(100*time.Millisecond) || c.Publish.Timeout > Duration(time.Hour) {
		return fmt.Errorf("publish.timeout: %v is not from 100ms to 1h", c.Publish.Timeout)
	}
	return firstOf(
		servers("publish.confirm", c.Publish.Confirm),
		oneOf("publish.unreachable", c.Publish.Unreachable, "skip", "fail"),
	)
}

func (c *Config) checkLog() error {
	if c.Log.Audit != "" && !filepath.IsAbs(c.Log.Audit) {
		return fmt.Errorf("log.audit: %q is not an absolute path: commands would look for it where they are typed", c.Log.Audit)
	}
	return firstOf(
		oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error"),
		oneOf("log.format", c.Log.Format, "text", "json"),
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
