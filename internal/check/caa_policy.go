package check

import (
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// policy is the CAA records that count for a domain.
type policy struct {
	at  string
	set []*dns.CAA
}

// permission is the value of an issue or issuewild record (RFC 8659, 4.2).
type permission struct {
	issuer     string
	parameters map[string]string
}

func knownTag(tag string) bool {
	return slices.Contains([]string{"issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"}, strings.ToLower(tag))
}

// permissions are those of a property; issue stands in for issuewild where there is none
// (RFC 8659, 4.3).
func (p policy) permissions(tag string) []permission {
	var all []permission
	for _, caa := range p.set {
		if strings.EqualFold(caa.Tag, tag) {
			all = append(all, parsePermission(caa.Value))
		}
	}
	if len(all) == 0 && tag == "issuewild" {
		return p.permissions("issue")
	}
	return all
}

func parsePermission(value string) permission {
	fields := strings.Split(value, ";")
	p := permission{strings.ToLower(strings.TrimSpace(fields[0])), make(map[string]string)}
	for _, field := range fields[1:] {
		if tag, value, ok := strings.Cut(field, "="); ok {
			p.parameters[strings.ToLower(strings.TrimSpace(tag))] = strings.TrimSpace(value)
		}
	}
	return p
}

// property is the one that a record must have to count for tag.
func (p policy) property(tag string) string {
	if tag == "issuewild" && !slices.ContainsFunc(p.set, func(caa *dns.CAA) bool { return strings.EqualFold(caa.Tag, tag) }) {
		return "issue"
	}
	return tag
}

func allowed(all []permission) string {
	var issuers []string
	for _, p := range all {
		if p.issuer != "" && !slices.Contains(issuers, p.issuer) {
			issuers = append(issuers, p.issuer)
		}
	}
	if len(issuers) == 0 {
		return "nobody"
	}
	return strings.Join(issuers, ", ")
}
