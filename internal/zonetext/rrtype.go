package zonetext

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// isTTL takes what NSD takes for a TTL (strtottl in util.c): 3600, 1h30m, and even
// digits or units alone. The two types that look like one are types.
func isTTL(field []byte) bool {
	for _, c := range field {
		if (c < '0' || c > '9') && strings.IndexByte("smhdwSMHDW", c) < 0 {
			return false
		}
	}
	return !bytes.EqualFold(field, []byte("DS")) && !bytes.EqualFold(field, []byte("MD"))
}

func isClass(field []byte) bool {
	if len(field) == 2 {
		return slices.Contains([]string{"IN", "CH", "CS", "HS"}, string(bytes.ToUpper(field)))
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

// isSOA spares typeName where there are many records.
func isSOA(field []byte) bool {
	return (len(field) == 3 || len(field) > 4) && (field[0]|' ' == 's' || field[0]|' ' == 't') && typeName(field) == "SOA"
}

// onlySigned are the types that are in signed zones only. A SIG or KEY may be
// older than DNSSEC as it is today (RFC 3755).
var onlySigned = []string{"RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY"}
