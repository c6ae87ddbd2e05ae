package dnstest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// ResponseOf describes a message in the way that the cases do.
func ResponseOf(m *dns.Msg) Response {
	r := Response{Rcode: dns.RcodeToString[m.Rcode], Flags: flags(m)}
	r.Answer, r.Ns = texts(m.Answer), texts(m.Ns)
	extra := slices.Clone(m.Extra)
	if opt := m.IsEdns0(); opt != nil {
		r.OPT, r.DO = options(opt), opt.Do()
		extra = slices.DeleteFunc(extra, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeOPT })
	}
	r.Extra = texts(extra)
	return r
}

func flags(m *dns.Msg) string {
	_, after, _ := strings.Cut(m.MsgHdr.String(), "flags: ")
	return strings.TrimSuffix(after, ";")
}

func options(opt *dns.OPT) string {
	var list []string
	if opt.Version() != 0 || opt.UDPSize() < 512 || opt.Hdr.Ttl&0x7FFF != 0 {
		list = append(list, "not as it should be: "+opt.String())
	}
	for _, o := range opt.Option {
		list = append(list, fmt.Sprintf("%d:%s", o.Option(), optionText(o)))
	}
	if len(list) == 0 {
		return "-"
	}
	return strings.Join(list, " ")
}

// optionText describes an option: of a server cookie, which differs each time, the
// version and the length in octets (RFC 9018, 4).
func optionText(o dns.EDNS0) string {
	cookie, ok := o.(*dns.EDNS0_COOKIE)
	if !ok || len(cookie.Cookie) <= 18 {
		return o.String()
	}
	return fmt.Sprintf("%s and a server cookie of version %s, %d octets", cookie.Cookie[:16], cookie.Cookie[16:18], len(cookie.Cookie)/2-8)
}

func texts(rrs []dns.RR) []string {
	var list []string
	for _, rr := range rrs {
		list = append(list, strings.ReplaceAll(rr.String(), "\t", " "))
	}
	slices.Sort(list)
	return list
}

// normal writes the records of a case in the form that texts gives.
func (r Response) normal(t testing.TB) Response {
	t.Helper()
	if r.Rcode == "" {
		r.Rcode = "NOERROR"
	}
	for _, section := range []*[]string{&r.Answer, &r.Ns, &r.Extra} {
		var rrs []dns.RR
		for _, text := range *section {
			rrs = append(rrs, Record(t, text))
		}
		*section = texts(rrs)
	}
	return r
}

// Folded returns the response with all domain names in lower case.
func (r Response) Folded() Response {
	for _, section := range []*[]string{&r.Answer, &r.Ns, &r.Extra} {
		folded := slices.Clone(*section)
		for i, text := range folded {
			folded[i] = foldNames(text)
		}
		slices.Sort(folded)
		*section = folded
	}
	return r
}

// foldNames puts the owner into lower case, and the data where they hold a name.
func foldNames(record string) string {
	fields := strings.SplitN(record, " ", 5) // owner, TTL, class, type, data
	switch fields[3] {
	case "NS", "CNAME", "DNAME", "MX", "SRV", "SOA", "PTR":
		return strings.ToLower(record)
	}
	fields[0] = strings.ToLower(fields[0])
	return strings.Join(fields, " ")
}

// Record reads a record whose names are relative to Zone.
func Record(t testing.TB, text string) dns.RR {
	t.Helper()
	parser := dns.NewZoneParser(strings.NewReader(text+"\n"), Zone, "")
	parser.SetDefaultTTL(3600)
	rr, ok := parser.Next()
	if !ok {
		t.Fatalf("%q: %v", text, parser.Err())
	}
	return rr
}
