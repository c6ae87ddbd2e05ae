package zone

import (
	"fmt"
	"math"
	"net/mail"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Spec is the zone as its operator writes it down.
type Spec struct {
	Name         string        // "auth.example.org", with or without the dot at the end
	Nameservers  []string      // host names of the NS records; empty: the zone's own name
	Contact      string        // mail address of the SOA's RNAME; empty: hostmaster@ the zone
	Records      []string      // static records, presentation format, relative to the zone
	TTL          time.Duration // of NS and of static records that name none
	ChallengeTTL time.Duration // of challenge TXTs
	NegativeTTL  time.Duration // SOA TTL and MINIMUM
}

// Timers of the SOA for secondaries: ask every hour, after a failure every ten
// minutes, give up after a fortnight (the order of RIPE-203).
const (
	soaRefresh = 3600
	soaRetry   = 600
	soaExpire  = 14 * 86400
)

// Definition is what doesn't change while the service runs: the zone's name, the
// records its operator gave it and its TTLs. It is immutable.
type Definition struct {
	name         string
	soa          dns.SOA
	static       []dns.RR
	challengeTTL uint32
}

// Define checks a Spec and makes the zone of it. The error names the key of
// [zone] that is wrong and its value.
func Define(spec Spec) (*Definition, error) {
	name, err := apexName(spec.Name)
	if err != nil {
		return nil, fmt.Errorf("zone.name: %w", err)
	}
	d := &Definition{name: name}
	ttl, err := seconds("zone.ttl", spec.TTL)
	if err != nil {
		return nil, err
	}
	if d.challengeTTL, err = seconds("zone.challenge_ttl", spec.ChallengeTTL); err != nil {
		return nil, err
	}
	negative, err := seconds("zone.negative_ttl", spec.NegativeTTL)
	if err != nil {
		return nil, err
	}
	apex, err := nameserverRecords(name, spec.Nameservers, ttl)
	if err != nil {
		return nil, fmt.Errorf("zone.nameservers: %w", err)
	}
	mailbox, err := rname(spec.Contact, name)
	if err != nil {
		return nil, fmt.Errorf("zone.contact: %w", err)
	}
	static, err := parseStatic(name, ttl, spec.Records)
	if err != nil {
		return nil, err
	}
	d.static = withIdleOwner(name, negative, append(apex, static...))
	d.soa = dns.SOA{
		Hdr: header(name, dns.TypeSOA, negative), Ns: apex[0].(*dns.NS).Ns, Mbox: mailbox,
		Refresh: soaRefresh, Retry: soaRetry, Expire: soaExpire, Minttl: negative,
	}
	return d, nil
}

// Name returns the apex in lower case with the dot at the end.
func (d *Definition) Name() string { return d.name }

// Static returns every record but the SOA and the challenge TXTs: NS, what the
// operator configured, and the wildcard that keeps idle names from NXDOMAIN. Apex
// first, RRsets together. The caller must not change it.
func (d *Definition) Static() []dns.RR { return d.static }

// SOA returns the zone's SOA record with that serial; the caller owns it.
func (d *Definition) SOA(serial Serial) *dns.SOA {
	soa := d.soa
	soa.Serial = uint32(serial)
	return &soa
}

// ChallengeTTL returns the TTL of challenge TXTs, in seconds.
func (d *Definition) ChallengeTTL() uint32 { return d.challengeTTL }

// FullName returns the name of an owner that is relative to the apex, without the
// dot at the end: what /register calls fulldomain.
func (d *Definition) FullName(owner string) string {
	return owner + "." + strings.TrimSuffix(d.name, ".")
}

// NameserversWithoutAddress returns the hosts of the NS records that lie in the zone and
// have no address there: a delegation to them can't work for want of glue.
func (d *Definition) NameserversWithoutAddress() []string {
	var hosts []string
	for _, rr := range d.static {
		ns, ok := rr.(*dns.NS)
		if !ok || ns.Hdr.Name != d.name || !dns.IsSubDomain(d.name, ns.Ns) {
			continue
		}
		if !slices.ContainsFunc(d.static, func(rr dns.RR) bool { return isAddressOf(rr, ns.Ns) }) {
			hosts = append(hosts, strings.TrimSuffix(ns.Ns, "."))
		}
	}
	return hosts
}

func isAddressOf(rr dns.RR, host string) bool {
	h := rr.Header()
	return (h.Rrtype == dns.TypeA || h.Rrtype == dns.TypeAAAA) && strings.EqualFold(h.Name, host)
}

// longestOwner is the room that a fulldomain needs left of the apex: a UUID and
// its length octet.
const longestOwner = 37

func apexName(s string) (string, error) {
	if s == "" {
		return "", fmt.Errorf(`is missing: give the zone's name, such as "auth.example.org"`)
	}
	name, err := hostName(s)
	if err != nil {
		return "", err
	}
	if wireLength(name)+longestOwner > 255 {
		return "", fmt.Errorf("%q is too long: a name below it would be over 255 octets", s)
	}
	return name, nil
}

// hostName checks a host name or zone name as people write it and returns it in
// lower case with the dot at the end.
func hostName(s string) (string, error) {
	if _, err := netip.ParseAddr(s); err == nil {
		return "", fmt.Errorf("%q is an address, not a domain name", s)
	}
	name := dns.CanonicalName(s)
	if name == "." || strings.HasPrefix(s, ".") {
		return "", fmt.Errorf("%q is not a domain name", s)
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		if err := checkLabel(label); err != nil {
			return "", fmt.Errorf("%q is not a domain name: %w", s, err)
		}
	}
	if wireLength(name) > 255 {
		return "", fmt.Errorf("%q is not a domain name: over 255 octets", s)
	}
	return name, nil
}

// checkLabel takes letters, digits, hyphens and underscores (the latter are no
// host names, yet common in zones).
func checkLabel(label string) error {
	switch {
	case label == "":
		return fmt.Errorf("it has an empty label")
	case len(label) > 63:
		return fmt.Errorf("the label %q is over 63 octets", label)
	case label[0] == '-' || label[len(label)-1] == '-':
		return fmt.Errorf("the label %q begins or ends with a hyphen", label)
	}
	for _, c := range label {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
		case c > 127:
			return fmt.Errorf("the label %q is not ASCII: write it in its xn-- form", label)
		default:
			return fmt.Errorf("the label %q has the character %q", label, c)
		}
	}
	return nil
}

// wireLength is the length of a name without escapes on the wire (RFC 1035, 3.1).
func wireLength(fqdn string) int { return len(fqdn) + 1 }

func nameserverRecords(zone string, hosts []string, ttl uint32) ([]dns.RR, error) {
	if len(hosts) == 0 {
		hosts = []string{zone}
	}
	var records []dns.RR
	for i, h := range hosts {
		name, err := hostName(h)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(records, func(rr dns.RR) bool { return rr.(*dns.NS).Ns == name }) {
			return nil, fmt.Errorf("%q is there twice (entry %d)", h, i+1)
		}
		records = append(records, &dns.NS{Hdr: header(zone, dns.TypeNS, ttl), Ns: name})
	}
	return records, nil
}

// rname turns a mail address into the SOA's RNAME: dots before the @ are escaped
// (RFC 1035, section 8).
func rname(contact, zone string) (string, error) {
	if contact == "" {
		return "hostmaster." + zone, nil
	}
	addr, err := mail.ParseAddress(contact)
	if err != nil || addr.Address != contact {
		return "", fmt.Errorf("%q is not a mail address such as hostmaster@example.org", contact)
	}
	at := strings.LastIndex(contact, "@")
	domain, err := hostName(contact[at+1:])
	if err != nil {
		return "", err
	}
	name := strings.ReplaceAll(contact[:at], ".", `\.`) + "." + domain
	if _, ok := dns.IsDomainName(name); !ok {
		return "", fmt.Errorf("%q can't be written as a domain name", contact)
	}
	return name, nil
}

// seconds takes a TTL: whole seconds, up to 2^31-1 (RFC 2181, section 8).
func seconds(key string, d time.Duration) (uint32, error) {
	if d < 0 || d%time.Second != 0 || d/time.Second > math.MaxInt32 {
		return 0, fmt.Errorf("%s: %v is not a TTL: whole seconds from 0s to 2147483647s", key, d)
	}
	return uint32(d / time.Second), nil
}

func header(name string, rrtype uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: rrtype, Class: dns.ClassINET, Ttl: ttl}
}
