package dnsserve

import (
	"encoding/binary"

	"github.com/miekg/dns"
)

// The header of a message (RFC 1035, 4.1.1).
const (
	headerLength = 12
	maxMessage   = 65535

	flagQR     = 1 << 15
	maskOpcode = 0xF << 11
	flagAA     = 1 << 10
	flagTC     = 1 << 9
	flagRD     = 1 << 8
)

// query is what a packet asks. Its slices are parts of the packet.
type query struct {
	id       uint16
	flags    uint16
	question []byte   // name, type and class as they came; empty if there is none
	name     wireName // in the case that it was asked in (0x20)
	qtype    uint16
	class    uint16
	edns     edns
}

// parseHeader reads ID and flags. Packets without a header, and responses, are no
// queries: answering the latter lets two servers talk for ever.
func parseHeader(packet []byte) (q query, ok bool) {
	if len(packet) < headerLength {
		return q, false
	}
	q.id = binary.BigEndian.Uint16(packet)
	q.flags = binary.BigEndian.Uint16(packet[2:])
	return q, q.flags&flagQR == 0
}

// parse reads the question and what EDNS says, and returns the rcode that is due
// for its form. What was read up to an error stays, to be echoed.
func (q *query) parse(packet []byte) (rcode int) {
	count := func(i int) int { return int(binary.BigEndian.Uint16(packet[4+2*i:])) }
	off, ok := q.parseQuestions(packet, count(0))
	if !ok || count(1) != 0 || count(2) != 0 && q.qtype != dns.TypeIXFR {
		return dns.RcodeFormatError
	}
	for i := range count(2) + count(3) {
		r, end, ok := readRecord(packet, off)
		if !ok || r.rrtype == dns.TypeOPT && i < count(2) {
			return dns.RcodeFormatError
		}
		if r.rrtype == dns.TypeOPT && !q.edns.take(r) {
			return dns.RcodeFormatError
		}
		off = end
	}
	if off != len(packet) {
		return dns.RcodeFormatError
	}
	rcode = q.edns.check()
	if rcode == dns.RcodeSuccess && count(0) == 0 && q.edns.cookie == nil {
		return dns.RcodeFormatError
	}
	return rcode
}

// parseQuestions reads the question. There is one (RFC 9619), or none where only a
// cookie is asked for (RFC 7873, 5.4).
func (q *query) parseQuestions(packet []byte, count int) (end int, ok bool) {
	switch count {
	case 0:
		return headerLength, true
	case 1:
		return q.parseQuestion(packet)
	}
	return 0, false
}

func (q *query) parseQuestion(packet []byte) (end int, ok bool) {
	end, ok = readName(packet, headerLength)
	if !ok || end+4 > len(packet) {
		return 0, false
	}
	q.name = wireName(packet[headerLength:end])
	q.qtype = binary.BigEndian.Uint16(packet[end:])
	q.class = binary.BigEndian.Uint16(packet[end+2:])
	q.question = packet[headerLength : end+4]
	return end + 4, true
}

// record is a resource record of a query; only OPT is looked into.
type record struct {
	root   bool // the owner is the root
	rrtype uint16
	class  uint16
	ttl    uint32
	data   []byte
}

// readRecord reads the record at off and returns the offset behind it.
func readRecord(packet []byte, off int) (r record, end int, ok bool) {
	at, ok := skipName(packet, off)
	if !ok || at+10 > len(packet) {
		return r, 0, false
	}
	r.root = packet[off] == 0
	r.rrtype = binary.BigEndian.Uint16(packet[at:])
	r.class = binary.BigEndian.Uint16(packet[at+2:])
	r.ttl = binary.BigEndian.Uint32(packet[at+4:])
	end = at + 10 + int(binary.BigEndian.Uint16(packet[at+8:]))
	if end > len(packet) {
		return r, 0, false
	}
	r.data = packet[at+10 : end]
	return r, end, true
}
