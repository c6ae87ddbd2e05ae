package dnsserve

import (
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// responder turns queries into responses. Any number of goroutines may use it.
type responder struct {
	version atomic.Pointer[version]
}

// transport is what a query came over.
type transport struct {
	tcp  bool
	idle time.Duration // how long the connection may be idle after this answer
}

// respond returns the response to a packet, in buf if it has the room; empty for
// a packet that gets none. It keeps neither slice.
func (s *responder) respond(buf, packet []byte, via transport) []byte {
	q, ok := parseHeader(packet)
	switch {
	case !ok:
		return nil
	case q.flags&maskOpcode != 0:
		// What else another opcode's packet holds isn't known (RFC 8906, 8.1.4).
		return appendHeader(buf[:0], q.id, flagQR|q.flags&maskOpcode|dns.RcodeNotImplemented)
	}
	rcode := q.parse(packet)
	v := s.version.Load()
	r := reply{zone: v.static, snap: v.snap, qtype: q.qtype, single: !via.tcp, rcode: rcode, ede: noEDE}
	r.buf = appendHeader(buf[:0], q.id, 0)
	r.limit = limit(&q.edns, via)
	r.question(&q)
	asked := r.mark()
	if rcode == dns.RcodeSuccess {
		r.dispatch(&q)
	}
	flags := flagQR | q.flags&flagRD | r.flags()
	if r.full {
		r.rewind(asked)
	}
	r.opt(&q.edns, via)
	r.header(flags)
	return r.buf
}

// flags returns those that the answer calls for, and the rcode.
func (r *reply) flags() uint16 {
	flags := uint16(r.rcode & 0xF)
	if r.aa {
		flags |= flagAA
	}
	if r.full {
		flags |= flagTC
	}
	return flags
}

// Extended errors that are given (RFC 8914); noEDE stands for none.
const (
	noEDE            = -1
	notReady         = int(dns.ExtendedErrorCodeNotReady)
	notAuthoritative = int(dns.ExtendedErrorCodeNotAuthoritative)
)

// dispatch answers a well-formed question, or says why not.
func (r *reply) dispatch(q *query) {
	switch {
	case q.class != classIN || !q.name.within(r.zone.apex):
		r.rcode = dns.RcodeRefused
		r.ede = notAuthoritative
	case q.qtype == dns.TypeAXFR || q.qtype == dns.TypeIXFR:
		r.rcode = dns.RcodeRefused
	case r.snap == nil:
		r.rcode = dns.RcodeServerFailure
		r.ede = notReady
	default:
		r.answer(q.name)
	}
}

// limit is where records must end, so that the OPT record fits behind them.
func limit(e *edns, via transport) int {
	size := maxMessage
	if !via.tcp {
		size = e.payload()
	}
	if e.present {
		size -= optLength
	}
	if e.keepalive && via.tcp {
		size -= keepaliveLength
	}
	return size
}

// opt writes the OPT record, if the query had one.
func (r *reply) opt(e *edns, via transport) {
	if !e.present {
		return
	}
	var flags uint32
	if e.do {
		flags = flagDO
	}
	r.buf = append(r.buf, 0)
	r.buf = binary.BigEndian.AppendUint16(r.buf, dns.TypeOPT)
	r.buf = binary.BigEndian.AppendUint16(r.buf, ednsSize)
	r.buf = binary.BigEndian.AppendUint32(r.buf, uint32(r.rcode>>4)<<24|flags)
	r.buf = append(r.buf, 0, 0)
	length := len(r.buf) - 2
	if e.keepalive && via.tcp {
		r.option(dns.EDNS0TCPKEEPALIVE, uint16(via.idle/(100*time.Millisecond)))
	}
	if r.ede != noEDE {
		r.option(dns.EDNS0EDE, uint16(r.ede))
	}
	r.end(additionalSection, length)
}

// option writes an EDNS option whose data are two octets.
func (r *reply) option(code, value uint16) {
	r.buf = binary.BigEndian.AppendUint16(r.buf, code)
	r.buf = binary.BigEndian.AppendUint16(r.buf, 2)
	r.buf = binary.BigEndian.AppendUint16(r.buf, value)
}

// appendHeader appends a header with those flags and empty sections.
func appendHeader(dst []byte, id, flags uint16) []byte {
	dst = binary.BigEndian.AppendUint16(dst, id)
	dst = binary.BigEndian.AppendUint16(dst, flags)
	return append(dst, 0, 0, 0, 0, 0, 0, 0, 0)
}

// header fills in the flags and the counts.
func (r *reply) header(flags uint16) {
	binary.BigEndian.PutUint16(r.buf[2:], flags)
	for i, n := range r.counts {
		binary.BigEndian.PutUint16(r.buf[4+2*i:], n)
	}
}
