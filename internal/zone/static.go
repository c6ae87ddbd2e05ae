package zone

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// parseStatic reads zone.records. Owners are made lower case, data keep theirs:
// DKIM keys and CAA account URIs depend on it.
func parseStatic(zone string, ttl uint32, records []string) ([]dns.RR, error) {
	var rrs []dns.RR
	for i, text := range records {
		rr, err := parseRecord(zone, ttl, text)
		if err == nil {
			err = fits(rrs, rr, zone)
		}
		if err != nil {
			return nil, fmt.Errorf("zone.records[%d]: %q: %w", i, text, err)
		}
		if !slices.ContainsFunc(rrs, func(other dns.RR) bool { return dns.IsDuplicate(rr, other) }) {
			rrs = append(rrs, rr)
		}
	}
	slices.SortStableFunc(rrs, compareOwners(zone))
	return rrs, nil
}

func parseRecord(zone string, ttl uint32, text string) (dns.RR, error) {
	if strings.HasPrefix(strings.TrimSpace(text), "$") {
		return nil, errors.New("directives such as $INCLUDE are not records")
	}
	parser := dns.NewZoneParser(strings.NewReader(text+"\n"), zone, "")
	parser.SetDefaultTTL(ttl)
	rr, ok := parser.Next()
	if err := parser.Err(); err != nil {
		return nil, readable(err)
	}
	if !ok {
		return nil, errors.New(`no record in it; write it as in a zone file, such as "@ A 198.51.100.1"`)
	}
	if _, more := parser.Next(); more || parser.Err() != nil {
		return nil, errors.New("more than one record in it")
	}
	rr.Header().Name = dns.CanonicalName(rr.Header().Name)
	return rr, nil
}

// readable takes the library's prefix and position off a parse error: there is
// one line only, and it is quoted beside it.
func readable(err error) error {
	var parse *dns.ParseError
	if !errors.As(err, &parse) {
		return err
	}
	text := strings.TrimPrefix(strings.TrimPrefix(parse.Error(), ": "), "dns: ")
	if at := strings.LastIndex(text, " at line: "); at > 0 {
		text = text[:at]
	}
	return errors.New(text)
}

// fits reports why rr can't stand beside the records so far.
func fits(rrs []dns.RR, rr dns.RR, zone string) error {
	h := rr.Header()
	if err := allowed(rr, zone); err != nil {
		return err
	}
	for _, other := range rrs {
		o := other.Header()
		switch {
		case o.Name != h.Name || dns.IsDuplicate(rr, other):
		case o.Rrtype == dns.TypeCNAME || h.Rrtype == dns.TypeCNAME:
			return fmt.Errorf("a CNAME stands alone at its name, and %s has another record (RFC 1034, 3.6.2)", h.Name)
		case o.Rrtype == h.Rrtype && h.Rrtype == dns.TypeDNAME:
			return fmt.Errorf("%s has a DNAME already (RFC 6672, 2.4)", h.Name)
		case o.Rrtype == h.Rrtype && o.Ttl != h.Ttl:
			return fmt.Errorf("its TTL is %d, another record of the same RRset has %d (RFC 2181, 5.2)", h.Ttl, o.Ttl)
		}
	}
	return nil
}

func allowed(rr dns.RR, zone string) error {
	h := rr.Header()
	apex := h.Name == zone
	switch {
	case !dns.IsSubDomain(zone, h.Name):
		return fmt.Errorf("%s is outside the zone %s", h.Name, zone)
	case h.Class != dns.ClassINET:
		return fmt.Errorf("its class is %s, only IN is served", dns.Class(h.Class))
	case h.Ttl > 1<<31-1:
		return fmt.Errorf("its TTL %d is over 2147483647", h.Ttl)
	case h.Rrtype == dns.TypeSOA:
		return errors.New("the SOA is made by acmezone: see zone.contact, zone.negative_ttl, zone.serial_policy")
	case apex && h.Rrtype == dns.TypeNS:
		return errors.New("the zone's own NS records come from zone.nameservers")
	case apex && (h.Rrtype == dns.TypeCNAME || h.Rrtype == dns.TypeDNAME):
		return fmt.Errorf("no %s may stand at the zone's apex", dns.Type(h.Rrtype))
	case apex && h.Rrtype == dns.TypeDS:
		return errors.New("a DS record belongs to the parent zone")
	case slices.Contains(unsuited, h.Rrtype):
		return fmt.Errorf("a record of type %s can't be served: the zone is not signed here", dns.Type(h.Rrtype))
	}
	return sendable(rr)
}

// unsuited are types that only a signer may put into a zone.
var unsuited = []uint16{
	dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM,
	dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY, dns.TypeSIG, dns.TypeKEY, dns.TypeNXT,
}

// sendable proves that the record can be written to the wire: the library's
// parser takes some that can't.
func sendable(rr dns.RR) error {
	if t := rr.Header().Rrtype; t == dns.TypeOPT || t >= dns.TypeTKEY && t <= dns.TypeANY {
		return fmt.Errorf("%s is not a type of record that zones hold", dns.Type(t))
	}
	if _, err := dns.PackRR(rr, make([]byte, dns.MaxMsgSize), 0, nil, false); err != nil {
		return fmt.Errorf("it can't be sent: %w", err)
	}
	return nil
}

// withIdleOwner puts a wildcard that holds an innocent type into the zone, so
// that a name without a live value is NOERROR without data, registered or not
// (RFC 4592, 4.4). An operator's own wildcard does the same and takes its place.
func withIdleOwner(zone string, ttl uint32, rrs []dns.RR) []dns.RR {
	idle := "*." + zone
	if slices.ContainsFunc(rrs, func(rr dns.RR) bool { return rr.Header().Name == idle }) {
		return rrs
	}
	return append(rrs, &dns.HINFO{Hdr: header(idle, dns.TypeHINFO, ttl), Cpu: "acmezone", Os: "idle name"})
}

// compareOwners orders records: the apex first, then by name from the right, then
// by type, so that RRsets stand together and the order is the same every time.
func compareOwners(zone string) func(a, b dns.RR) int {
	key := func(rr dns.RR) string {
		labels := dns.SplitDomainName(strings.TrimSuffix(rr.Header().Name, zone))
		slices.Reverse(labels)
		return strings.Join(labels, "\x00")
	}
	return func(a, b dns.RR) int {
		if c := strings.Compare(key(a), key(b)); c != 0 {
			return c
		}
		return int(a.Header().Rrtype) - int(b.Header().Rrtype)
	}
}
