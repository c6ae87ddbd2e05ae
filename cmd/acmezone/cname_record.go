package main

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/miekg/dns"
	"github.com/urfave/cli/v2"
	"golang.org/x/net/publicsuffix"

	"github.com/acmezone/acmezone/internal/zone"
	"github.com/acmezone/acmezone/templates"
)

// recordStyle says how records are written.
type recordStyle struct {
	ttl        uint32   // seconds
	relative   bool     // owners are relative to a zone
	zones      []string // that the domain may lie in
	accountURI string   // "" for no CAA records
	issuer     string
}

const defaultCNAMETTL = 3600

func newRecordStyle(c *cli.Context) (recordStyle, error) {
	r := recordStyle{ttl: defaultCNAMETTL, relative: c.Bool("relative"), accountURI: c.String("account-uri"), issuer: c.String("issuer")}
	if c.IsSet("zone") {
		apex, err := zone.ParseDomain(c.String("zone"))
		if err != nil {
			return r, usagef("--zone: %w", err)
		}
		r.zones = []string{apex}
	}
	if !c.IsSet("account-uri") {
		return r, nil
	}
	address, err := url.Parse(r.accountURI)
	if err != nil || address.Host == "" || strings.ContainsAny(r.accountURI, "; \t\"\\") {
		return r, usagef("--account-uri %q is no URI of an ACME account such as https://acme-v02.api.letsencrypt.org/acme/acct/1234567890", r.accountURI)
	}
	if r.issuer == "" {
		r.issuer = issuerOf(address.Hostname())
	}
	if _, ok := dns.IsDomainName(r.issuer); !ok || strings.ContainsAny(r.issuer, "; \t\"\\") {
		return r, usagef("--issuer %q is no domain name, as CAs have them in CAA records (RFC 8659)", r.issuer)
	}
	return r, nil
}

// issuers are the names in CAA records of CAs whose ACME servers have others.
var issuers = map[string]string{
	"acme.zerossl.com":         "sectigo.com",
	"dv.acme-v02.api.pki.goog": "pki.goog",
}

// issuerOf guesses a CA's name in CAA records by the host of its ACME server.
func issuerOf(host string) string {
	if name, ok := issuers[host]; ok {
		return name
	}
	if name, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return name
	}
	return host
}

// cnameObject is a domain's CNAME in JSON: names have the dot at the end.
type cnameObject struct {
	Domain   string   `json:"domain"`
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	TTL      uint32   `json:"ttl"`
	Target   string   `json:"target"`
	Record   string   `json:"record"`
	Username string   `json:"username"`
	Created  bool     `json:"created"`
	Attached bool     `json:"attached"`
	CAA      []string `json:"caa,omitempty"`

	// For dns-account-01.
	AccountName   string `json:"account_name,omitempty"`
	AccountRecord string `json:"account_record,omitempty"`
}

func (r recordStyle) object(p printed) cnameObject {
	cname := r.cname(p, zone.ChallengeOwner(p.domain))
	o := cnameObject{
		Domain: p.domain, Name: cname.Hdr.Name, Type: "CNAME", TTL: cname.Hdr.Ttl, Target: cname.Target,
		Record: r.line(cname, p.domain), Username: p.account.Username, Created: p.created, Attached: p.attached,
	}
	if r.accountURI != "" {
		o.CAA = r.caa(p.domain)
		o.AccountName = r.accountOwner(p.domain)
		o.AccountRecord = r.line(r.cname(p, o.AccountName), p.domain)
	}
	return o
}

// write writes a domain's records, ready for a zone file.
func (r recordStyle) write(w io.Writer, set *templates.Set, p printed) error {
	o := r.object(p)
	err := set.CNAME(w, templates.CNAME{Domain: p.domain, Owner: o.Name, Target: o.Target, TTL: o.TTL, Record: o.Record})
	if err != nil || r.accountURI == "" {
		return err
	}
	_, err = fmt.Fprintf(w, "; Nobody but that ACME account has certificates for %s, at %s, by DNS alone.\n%s\n; For dns-account-01, should the client use that.\n%s\n",
		p.domain, r.issuer, strings.Join(o.CAA, "\n"), o.AccountRecord)
	return err
}

func (r recordStyle) cname(p printed, owner string) *dns.CNAME {
	return &dns.CNAME{
		Hdr:    dns.RR_Header{Name: owner, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: r.ttl},
		Target: dns.Fqdn(p.account.FullDomain),
	}
}

// caa returns the records that keep whoever has got hold of an account here from
// having certificates under another ACME account (RFC 8657).
func (r recordStyle) caa(domain string) []string {
	var lines []string
	for _, tag := range []string{"issue", "issuewild"} {
		lines = append(lines, r.line(&dns.CAA{
			Hdr:   dns.RR_Header{Name: domain + ".", Rrtype: dns.TypeCAA, Class: dns.ClassINET, Ttl: r.ttl},
			Tag:   tag,
			Value: fmt.Sprintf("%s; accounturi=%s; validationmethods=dns-01,dns-account-01", r.issuer, r.accountURI),
		}, domain))
	}
	return lines
}

// accountOwner is where the challenge of dns-account-01 is looked up
// (draft-ietf-acme-dns-account-label).
func (r recordStyle) accountOwner(domain string) string {
	digest := sha256.Sum256([]byte(r.accountURI))
	return "_" + strings.ToLower(base32.StdEncoding.EncodeToString(digest[:10])) + "." + zone.ChallengeOwner(domain)
}

// line writes a record, its owner as the style has it.
func (r recordStyle) line(rr dns.RR, domain string) string {
	text := rr.String()
	if !r.relative {
		return text
	}
	owner := rr.Header().Name
	relative := strings.TrimSuffix(strings.TrimSuffix(owner, r.zoneOf(domain)+"."), ".")
	if relative == "" {
		relative = "@"
	}
	return relative + strings.TrimPrefix(text, owner)
}

// zoneOf returns the zone whose file the domain's records go to: the closest of those
// that are known, or else the domain itself.
func (r recordStyle) zoneOf(domain string) string {
	closest := ""
	for _, apex := range r.zones {
		apex = strings.ToLower(strings.TrimSuffix(apex, "."))
		if (domain == apex || strings.HasSuffix(domain, "."+apex)) && len(apex) > len(closest) {
			closest = apex
		}
	}
	if closest == "" {
		return domain
	}
	return closest
}
