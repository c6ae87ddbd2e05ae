package zonetext

import "bytes"

// defaultTTL is NSD's where there is no $TTL, in seconds.
const defaultTTL = 3600

// units are those of a TTL such as 1h30m, in seconds.
var units = [256]uint32{
	's': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 7 * 86400,
	'S': 1, 'M': 60, 'H': 3600, 'D': 86400, 'W': 7 * 86400,
}

// seconds reads a TTL as NSD does (strtottl in util.c), which takes even digits and
// units alone, and its default for one over 2^31-1.
func seconds(field []byte) (ttl uint32, ok bool) {
	var count uint32
	for _, c := range field {
		switch {
		case c >= '0' && c <= '9':
			count = count*10 + uint32(c-'0')
		case units[c] != 0:
			ttl += count * units[c]
			count = 0
		default:
			return 0, false
		}
	}
	if ttl += count; ttl >= 1<<31 {
		ttl = defaultTTL
	}
	return ttl, len(field) > 0
}

// isTTL leaves out the two types that look like one.
func isTTL(field []byte) bool {
	_, ok := seconds(field)
	return ok && !bytes.EqualFold(field, []byte("DS")) && !bytes.EqualFold(field, []byte("MD"))
}
