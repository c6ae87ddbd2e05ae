package acmedns

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zone"
)

// Equivalent returns acmezone's configuration for the same zone and addresses, TOML
// with comments on what is different.
func (c *Config) Equivalent() string {
	var w writer
	w.comment("acmezone's configuration in the place of " + c.Path)
	c.zoneSection(&w)
	c.apiSection(&w)
	c.dnsSection(&w)
	c.logSection(&w)
	return w.String()
}

// writer gathers lines of TOML.
type writer struct{ strings.Builder }

func (w *writer) section(name string)   { fmt.Fprintf(w, "\n[%s]\n", name) }
func (w *writer) comment(line string)   { fmt.Fprintf(w, "# %s\n", strings.ReplaceAll(line, "\n", " ")) }
func (w *writer) set(key string, v any) { w.WriteString(assignment(key, v)) }

// assignment is one line of TOML.
func assignment(key string, v any) string {
	line, err := toml.Marshal(map[string]any{key: v})
	if err != nil {
		return fmt.Sprintf("# %s: %v\n", key, err)
	}
	return string(line)
}

func (c *Config) zoneSection(w *writer) {
	name := strings.ToLower(strings.TrimSuffix(c.General.Domain, "."))
	w.section("zone")
	w.set("name", name)
	nameservers, records, refused := c.records(name)
	if len(nameservers) > 0 {
		w.set("nameservers", nameservers)
	}
	if contact := mailAddress(c.General.NSAdmin); contact != "" {
		w.set("contact", contact)
	}
	for _, r := range refused {
		w.comment("left out: " + r)
	}
	if len(records) > 0 {
		w.set("records", records)
	}
}

// records parts the static records into name servers, what can stand in
// zone.records, and what can't, with the reason.
func (c *Config) records(zoneName string) (nameservers, records, refused []string) {
	apex := dns.CanonicalName(zoneName)
	addServer := func(host string) {
		host = strings.ToLower(strings.TrimSuffix(host, "."))
		for _, known := range nameservers {
			if known == host {
				return
			}
		}
		if host != "" {
			nameservers = append(nameservers, host)
		}
	}
	addServer(c.General.NSName)
	for _, text := range c.General.Records {
		rr, err := dns.NewRR(text) // as acme-dns reads it: names are absolute, with or without a dot
		if err != nil || rr == nil {
			refused = append(refused, fmt.Sprintf("%q: it is no record", text))
			continue
		}
		if ns, ok := rr.(*dns.NS); ok && dns.CanonicalName(ns.Hdr.Name) == apex {
			addServer(ns.Ns)
			continue
		}
		line := plainRecord(rr)
		if err := allowed(zoneName, append(records, line)); err != nil {
			refused = append(refused, fmt.Sprintf("%q: %v", text, err))
			continue
		}
		records = append(records, line)
	}
	return nameservers, records, refused
}

// plainRecord writes a record without what it has by default.
func plainRecord(rr dns.RR) string {
	owner, rest, _ := strings.Cut(strings.ReplaceAll(rr.String(), "\t", " "), " ")
	rest = strings.TrimPrefix(rest, "3600 ")
	return owner + " " + strings.TrimPrefix(rest, "IN ")
}

// allowed asks the zone itself whether the records can stand in it.
func allowed(name string, records []string) error {
	_, err := zone.Define(zone.Spec{Name: name, Records: records, TTL: time.Hour})
	if err == nil {
		return nil
	}
	text := err.Error() // "zone.records[3]: "the record": reason"
	if at := strings.LastIndex(text, `": `); at >= 0 {
		text = text[at+len(`": `):]
	}
	return fmt.Errorf("%s", text)
}

// mailAddress reads the SOA's RNAME in its dot form.
func mailAddress(rname string) string {
	rname = strings.TrimSuffix(rname, ".")
	if strings.Contains(rname, "@") {
		return rname
	}
	for i := range len(rname) {
		if rname[i] == '.' && (i == 0 || rname[i-1] != '\\') {
			return strings.ReplaceAll(rname[:i], `\.`, ".") + "@" + rname[i+1:]
		}
	}
	return ""
}

func (c *Config) apiSection(w *writer) {
	w.section("api")
	ip, port := c.API.IP, "443"
	if ip == "" || ip == "0.0.0.0" {
		ip = "::"
	}
	if c.API.Port != nil && fmt.Sprint(c.API.Port) != "" {
		port = fmt.Sprint(c.API.Port)
	}
	w.set("listen", []string{net.JoinHostPort(ip, port)})
	if c.API.DisableRegistration {
		w.set("registration", "closed")
	} else {
		w.comment(`anybody may register there; "restricted" asks others than this machine for a token`)
		w.set("registration", "open")
	}
	c.certificate(w)
	if len(c.API.CORSOrigins) > 0 {
		w.set("cors_origins", c.API.CORSOrigins)
	}
	c.proxies(w)
}

// certificate says where the API's certificate comes from.
func (c *Config) certificate(w *writer) {
	switch c.API.TLS {
	case "cert":
		w.set("tls", "files")
		w.set("cert_file", c.API.CertFile)
		w.set("key_file", c.API.KeyFile)
	case "letsencrypt", "letsencryptstaging":
		c.managed(w)
	default: // acme-dns takes anything else for none
		w.set("tls", "off")
	}
}

// managed is for a certificate that acme-dns gets for itself: it is good for weeks, and
// needn't be ordered again.
func (c *Config) managed(w *writer) {
	cert, key := newestPair(c.cacheFolder(), strings.ToLower(strings.TrimSuffix(c.General.Domain, ".")))
	w.comment("acme-dns' ACME account and certificates lie in " + c.cacheFolder())
	if cert == "" {
		w.comment("and none was found there for this name, or this user may not read it")
		w.set("tls", "self-signed")
		return
	}
	w.comment("and nobody renews them when acme-dns has ended; acmezone's user must be able to read them")
	w.set("tls", "files")
	w.set("cert_file", cert)
	w.set("key_file", key)
}

// newestPair looks for a name's certificate and key in the folder of a
// certmagic.FileStorage, which has a folder for each CA; "" if there is none.
func newestPair(folder, name string) (cert, key string) {
	found, _ := filepath.Glob(filepath.Join(folder, "certificates", "*", name, name+".crt")) // the pattern is sound
	var newest time.Time
	for _, path := range found {
		info, err := os.Stat(path)
		pair := strings.TrimSuffix(path, ".crt") + ".key"
		if _, keyErr := os.Stat(pair); err == nil && keyErr == nil && info.ModTime().After(newest) {
			cert, key, newest = path, pair, info.ModTime()
		}
	}
	return cert, key
}

// cacheFolder is where acme-dns keeps its certificates, "api-certs" by default.
func (c *Config) cacheFolder() string {
	folder := c.API.ACMECacheDir
	if folder == "" {
		folder = "api-certs"
	}
	if found, err := c.find(folder); err == nil {
		folder = found
	}
	if abs, err := filepath.Abs(folder); err == nil && filepath.IsAbs(folder) {
		return abs
	}
	return folder + " (relative to acme-dns' working directory)"
}

// proxies warns of what acme-dns believes and acmezone doesn't.
func (c *Config) proxies(w *writer) {
	if !c.API.UseHeader {
		return
	}
	name := c.API.HeaderName
	if name == "" {
		name = "X-Forwarded-For"
	}
	w.comment("warning: acme-dns believes whatever " + name + " anybody sends; acmezone reads X-Forwarded-For,")
	w.comment("and only from the proxies that you name here, with the addresses they connect from:")
	w.comment(strings.TrimSuffix(assignment("trusted_proxies", []string{"127.0.0.0/8", "::1/128"}), "\n"))
}

func (c *Config) dnsSection(w *writer) {
	w.section("dns")
	listen := c.General.Listen
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		host, port = listen, "53"
	}
	if host == "" || host == "0.0.0.0" {
		host = "::"
	}
	w.comment("or [nsd], to have an NSD answer that runs already")
	w.set("listen", []string{net.JoinHostPort(host, port)})
}

func (c *Config) logSection(w *writer) {
	level := strings.ToLower(c.LogConfig.LogLevel)
	switch level {
	case "warning":
		level = "warn"
	case "debug", "info", "error":
	default:
		return
	}
	w.section("log")
	w.set("level", level)
	if c.LogConfig.LogFormat == "json" {
		w.set("format", "json")
	}
}
