package dnsserve

// wireName is a domain name as on the wire, without compression: labels with
// their length octets, ended by the root's zero octet (RFC 1035, 3.1).
type wireName []byte

const (
	maxName     = 255 // octets of a name, length octets counted (RFC 1035, 2.3.4)
	maxLabels   = 128 // more don't fit in maxName, the root counted
	pointerBits = 0xC0
)

// parent returns the name less its first label.
func (n wireName) parent() wireName { return n[1+int(n[0]):] }

// within reports whether n is zone or lies below it.
func (n wireName) within(zone wireName) bool {
	for len(n) > len(zone) {
		n = n.parent()
	}
	return equalFold(n, zone)
}

// appendLower appends the name in lower case. Length octets are below 'A', so
// they stay as they are.
func (n wireName) appendLower(dst []byte) wireName {
	for _, c := range n {
		dst = append(dst, lower(c))
	}
	return dst
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// equalFold compares without case, as names compare (RFC 4343).
func equalFold(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] && lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

// readName returns the offset behind the name at off. It accepts neither a
// pointer, since before a question there is nothing to point to, nor more than
// 255 octets.
func readName(packet []byte, off int) (end int, ok bool) {
	for at := off; at < len(packet); {
		size := int(packet[at])
		at += 1 + size
		switch {
		case size&pointerBits != 0 || at-off > maxName:
			return 0, false
		case size == 0:
			return at, true
		}
	}
	return 0, false
}

// skipName returns the offset behind a name that may end in a pointer. Each
// pointer must lead back beyond where the part before it began, so following
// them comes to an end.
func skipName(packet []byte, off int) (end int, ok bool) {
	start, length := off, 0
	for at := off; at < len(packet); {
		if packet[at]&pointerBits == pointerBits {
			target, ok := pointer(packet, at)
			if !ok || target >= start {
				return 0, false
			}
			end = max(end, at+2) // the first pointer is the last of the name's own octets
			start, at = target, target
			continue
		}
		size := int(packet[at])
		at += 1 + size
		length += 1 + size
		switch {
		case size&pointerBits != 0 || length > maxName:
			return 0, false
		case size == 0 && end > 0:
			return end, true
		case size == 0:
			return at, true
		}
	}
	return 0, false
}

// pointer returns where the compression pointer at that offset leads (RFC 1035,
// 4.1.4).
func pointer(packet []byte, at int) (target int, ok bool) {
	if at+1 >= len(packet) {
		return 0, false
	}
	target = int(packet[at]&^pointerBits)<<8 | int(packet[at+1])
	return target, target >= headerLength
}
