package attach

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zone"
)

const challengeLabel = "_acme-challenge."

// checkDomain takes a domain in the form that Binding has.
func checkDomain(domain string) error {
	if canonical, err := zone.ParseDomain(domain); err != nil || canonical != domain {
		return fmt.Errorf("%.100q is not a domain in lower case, such as \"www.example.com\"", domain)
	}
	return nil
}

// isHostName takes lower-case letters, digits, hyphens and underscores, as the project's
// own zones do.
func isHostName(name string) bool {
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return false
		}
		if strings.ContainsFunc(label, func(c rune) bool {
			return c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z')
		}) {
			return false
		}
	}
	return len(name) <= 253
}

// checkTarget takes a name that is exactly one label below acmezone's own zone, as all
// accounts have, and returns it absolute.
func (e *Editor) checkTarget(target string) (string, error) {
	name := strings.TrimSuffix(target, ".")
	apex := zoneName(e.Apex)
	label, below := strings.CutSuffix(name, "."+apex)
	if !below || !isHostName(name) || strings.Contains(label, ".") {
		return "", fmt.Errorf("%.300q is not a name of an account: those are one label below %s", target, apex)
	}
	return name + ".", nil
}

// Covers returns an error for a domain that lies in none of the zones that may be edited.
func (e *Editor) Covers(domain string) error {
	_, err := e.zoneOf(domain)
	return err
}

// zoneOf returns the zone that a domain lies in: the closest of those that may be edited,
// absolute.
func (e *Editor) zoneOf(domain string) (string, error) {
	if err := checkDomain(domain); err != nil {
		return "", err
	}
	closest := ""
	for _, z := range e.Zones {
		z = dns.CanonicalName(z)
		if dns.IsSubDomain(z, dns.Fqdn(domain)) && len(z) > len(closest) {
			closest = z
		}
	}
	switch {
	case closest == "":
		return "", fmt.Errorf("%s lies in none of nsd.attach_zones (%s): add its zone there, if this NSD is the zone's primary", domain, strings.Join(e.Zones, ", "))
	case zoneName(closest) == zoneName(e.Apex):
		return "", fmt.Errorf("%s lies in acmezone's own zone %s, which isn't edited by hand: take it out of nsd.attach_zones", domain, zoneName(closest))
	}
	return closest, nil
}

// zoneName is a zone's name for people: in lower case, no dot at the end.
func zoneName(name string) string { return strings.TrimSuffix(dns.CanonicalName(name), ".") }
