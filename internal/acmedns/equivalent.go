package acmedns

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
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

// stagingDirectory is what acme-dns means by "letsencryptstaging".
const stagingDirectory = "https://acme-staging-v02.api.letsencrypt.org/directory"

// managed is for a certificate that acme-dns gets for itself. acmezone goes on with its
// folder, so that nothing is ordered anew.
func (c *Config) managed(w *writer) {
	w.set("tls", "acme")
	if c.API.Email != "" {
		w.set("acme_email", c.API.Email)
	}
	if c.API.TLS == "letsencryptstaging" {
		w.set("acme_directory", stagingDirectory)
	}
	folder, found := c.cacheFolder()
	if !found {
		w.comment("acme-dns' ACME account and certificate, in its folder " + folder + ", weren't found.")
		w.comment("Without them a certificate is ordered at the first start. If they are there, name the folder:")
		w.comment(strings.TrimSuffix(assignment("acme_storage", "/var/lib/acme-dns/"+filepath.Base(folder)), "\n"))
		return
	}
	if !hasPair(folder, strings.ToLower(strings.TrimSuffix(c.General.Domain, "."))) {
		w.comment("no certificate for this name was found in the folder, or this user may not read it: one may be ordered at the first start")
	}
	w.comment("acme-dns' ACME account and certificate, which are used on. acmezone's user must have them:")
	w.comment("  chown -R acmezone: " + folder)
	w.comment("Or leave acme_storage out, and leave acme-dns its own, with a copy beside acmezone's database:")
	w.comment("  cp -R " + folder + " /var/lib/acmezone/acme && chown -R acmezone: /var/lib/acmezone/acme")
	w.set("acme_storage", folder)
}

// hasPair looks for a name's certificate and key in the folder of a
// certmagic.FileStorage, which has a folder for each CA.
func hasPair(folder, name string) bool {
	found, _ := filepath.Glob(filepath.Join(folder, "certificates", "*", name, name+".crt")) // the pattern is sound
	return slices.ContainsFunc(found, func(path string) bool {
		_, err := os.Stat(strings.TrimSuffix(path, ".crt") + ".key")
		return err == nil
	})
}

// cacheFolder is where acme-dns keeps its certificates, "api-certs" by default, and
// whether it is there.
func (c *Config) cacheFolder() (folder string, found bool) {
	if folder = c.API.ACMECacheDir; folder == "" {
		folder = "api-certs"
	}
	there, err := c.find(folder)
	if err != nil {
		return folder, false
	}
	if abs, err := filepath.Abs(there); err == nil {
		there = abs
	}
	info, err := os.Stat(there)
	return there, err == nil && info.IsDir()
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
