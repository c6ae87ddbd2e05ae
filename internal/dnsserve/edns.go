package dnsserve

import (
	"encoding/binary"

	"github.com/miekg/dns"
)

const (
	// plainSize is what a UDP answer may measure without EDNS (RFC 1035, 4.2.1).
	plainSize = 512
	// ednsSize bounds UDP answers with EDNS: what arrives in one piece nearly
	// everywhere, since fragments get lost and can be forged.
	ednsSize = 1232

	optLength       = 11 // an OPT record without options
	keepaliveLength = 6  // the keepalive option in an answer
	flagDO          = 1 << 15
)

// edns is what a query's OPT record says (RFC 6891).
type edns struct {
	present   bool
	size      uint16 // the UDP payload that the client takes
	version   uint8
	do        bool
	options   []byte
	keepalive bool   // asks for edns-tcp-keepalive (RFC 7828)
	cookie    []byte // a client cookie, and maybe a server cookie; nil for none
}

// take reads an OPT record; false if it is the second one or has an owner
// (RFC 6891, 6.1.1 and 6.1.2).
func (e *edns) take(r record) bool {
	if e.present || !r.root {
		return false
	}
	e.present = true
	e.size = r.class
	e.version = uint8(r.ttl >> 16)
	e.do = r.ttl&flagDO != 0
	e.options = r.data
	return true
}

// check reads the options and returns the rcode that is due for EDNS. Those of
// another version are left alone: their format isn't known.
func (e *edns) check() (rcode int) {
	if e.version != 0 {
		return dns.RcodeBadVers
	}
	for rest := e.options; len(rest) > 0; {
		if len(rest) < 4 {
			e.cookie = nil
			return dns.RcodeFormatError
		}
		code, size := binary.BigEndian.Uint16(rest), int(binary.BigEndian.Uint16(rest[2:]))
		if len(rest) < 4+size || !e.option(code, rest[4:4+size]) {
			e.cookie = nil // an answer to who knows what proves nothing
			return dns.RcodeFormatError
		}
		rest = rest[4+size:]
	}
	return dns.RcodeSuccess
}

// option takes note of an option; false if its length is wrong. Unknown ones are
// ignored and never echoed, nor is a second cookie looked at (RFC 7873, 5.2).
func (e *edns) option(code uint16, data []byte) bool {
	switch {
	case code == dns.EDNS0COOKIE && e.cookie == nil:
		e.cookie = data // a client cookie, alone or with a server cookie (RFC 7873, 4)
		return len(data) == clientCookie || len(data) >= clientCookie+8 && len(data) <= clientCookie+32
	case code == dns.EDNS0TCPKEEPALIVE:
		e.keepalive = true
	}
	return true
}

// payload is how long a UDP answer may be.
func (e *edns) payload() int {
	if !e.present {
		return plainSize
	}
	return int(min(max(e.size, plainSize), ednsSize))
}
