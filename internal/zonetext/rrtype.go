package zonetext

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

func isClass(field []byte) bool {
	if len(field) == 2 {
		first, second := field[0]|' ', field[1]|' '
		return first == 'i' && second == 'n' || second == 's' && (first == 'c' || first == 'h') || first == 'c' && second == 'h'
	}
	digits, ok := cutPrefixFold(field, "CLASS")
	return ok && allDigits(digits)
}

// typeName returns a type's name in upper case; TYPE28 is AAAA (RFC 3597).
func typeName(field []byte) string {
	if digits, ok := cutPrefixFold(field, "TYPE"); ok && allDigits(digits) {
		if number, err := strconv.ParseUint(string(digits), 10, 16); err == nil {
			return dns.Type(number).String()
		}
	}
	return strings.ToUpper(string(field))
}

func cutPrefixFold(field []byte, prefix string) ([]byte, bool) {
	if len(field) < len(prefix) || !bytes.EqualFold(field[:len(prefix)], []byte(prefix)) {
		return nil, false
	}
	return field[len(prefix):], true
}

// isType is typeName(field) == name, but fast.
func isType(field []byte, name string) bool {
	return bytes.EqualFold(field, []byte(name)) ||
		len(field) > 4 && field[0]|' ' == 't' && typeName(field) == name
}

// onlySigned are the types that are in signed zones only, and the digest of a zone
// (RFC 8976), which no edit leaves right. A SIG or KEY may be
// older than DNSSEC as it is today (RFC 3755).
var onlySigned = []string{"RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY", "ZONEMD"}
