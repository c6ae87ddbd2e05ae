package zone

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// challengeLabel begins the name that a DNS-01 challenge is looked up at (RFC 8555,
// section 8.4).
const challengeLabel = "_acme-challenge"

// maxName is the length of the longest name in presentation format without the dot
// at the end, escapes aside (RFC 1035, section 2.3.4).
const maxName = 253

// ParseDomain returns the domain of a certificate in the form in which it is kept and
// compared: A-labels (RFC 5890), lower case, no dot at the end, without the "*." of a
// wildcard, which shares its challenge with the domain itself.
func ParseDomain(text string) (string, error) {
	plain := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(text), "*."), ".")
	if rest, ok := strings.CutPrefix(strings.ToLower(plain), challengeLabel+"."); ok {
		return "", fmt.Errorf("%.100q is the name of a challenge: give the domain itself, %s", text, rest)
	}
	domain, err := idna.Lookup.ToASCII(plain)
	_, notAddress := netip.ParseAddr(plain)
	if err != nil || notAddress == nil || !utf8.ValidString(plain) || !strings.Contains(domain, ".") || !certifiable(domain) {
		return "", fmt.Errorf("%.100q is no domain such as example.org", text)
	}
	return domain, nil
}

// certifiable reports whether each label is one of a host name (RFC 1123, section
// 2.1), and the name of the challenge isn't too long. The library checks neither
// lengths nor empty labels.
func certifiable(domain string) bool {
	if len(challengeLabel)+1+len(domain) > maxName {
		return false
	}
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}

// ChallengeOwner returns the name that a domain's challenge is looked up at, with the
// dot at the end.
func ChallengeOwner(domain string) string { return challengeLabel + "." + domain + "." }

// Patterns say which domains a token is good for: "example.org" is that domain and
// its wildcard, "*.example.org" everything below it, at any depth, and "*" is every
// domain. They are immutable.
type Patterns []string

// ParsePatterns reads patterns as people write them.
func ParsePatterns(entries []string) (Patterns, error) {
	var all Patterns
	for _, e := range entries {
		pattern := strings.TrimSpace(e)
		if pattern != "*" {
			domain, err := ParseDomain(pattern)
			if err != nil {
				return nil, fmt.Errorf("%w, or *.example.org", err)
			}
			if strings.HasPrefix(pattern, "*.") {
				domain = "*." + domain
			}
			pattern = domain
		}
		if !slices.Contains(all, pattern) {
			all = append(all, pattern)
		}
	}
	return all, nil
}

// Allow reports whether a domain, in the form of ParseDomain, fits one of the
// patterns.
func (p Patterns) Allow(domain string) bool {
	return slices.ContainsFunc(p, func(pattern string) bool {
		if pattern == "*" || pattern == domain {
			return true
		}
		above, below := strings.CutPrefix(pattern, "*.")
		return below && strings.HasSuffix(domain, "."+above)
	})
}
