package dnsserve

import (
	"encoding/binary"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// responder turns queries into responses. Any number of goroutines may use it.
type responder struct {
	version atomic.Pointer[version]
	cookies cookies
	limiter atomic.Pointer[rateLimiter] // nil: no limit
}

// transport is what a query came over, and when.
type transport struct {
	tcp  bool
	idle time.Duration // how long the connection may be idle after this answer
	from netip.Addr    // IPv4 as such, not mapped into IPv6
	at   time.Time
}

// outcome is what became of a packet.
type outcome struct {
	fate     fate
	rcode    int
	verified bool // it came with a valid server cookie
}

// respond returns the response to a packet, in buf if it has the room; empty for
// a packet that gets none. It keeps neither slice.
func (s *responder) respond(buf, packet []byte, via transport) ([]byte, outcome) {
	q, ok := parseHeader(packet)
	switch {
	case !ok:
		return nil, outcome{fate: ignored}
	case q.flags&maskOpcode != 0:
		return s.notImplemented(buf, &q, via)
	}
	v := s.version.Load()
	r := reply{zone: v.static, snap: v.snap, qtype: q.qtype, single: !via.tcp, rcode: q.parse(packet), ede: noEDE}
	r.buf = appendHeader(buf[:0], q.id, 0)
	r.limit = room(&q.edns, via)
	if q.edns.cookie != nil {
		r.cookie, r.verified = s.cookies.answer(q.edns.cookie, via.from, via.at)
	}
	r.question(&q)
	asked := r.mark()
	if r.rcode == dns.RcodeSuccess {
		r.dispatch(&q)
	}
	fate := s.judge(&r, via)
	if fate == slipped && !r.slip(&q) || fate == limited {
		return nil, outcome{fate: limited}
	}
	flags := flagQR | q.flags&flagRD | r.flags()
	if r.full {
		r.rewind(asked)
	}
	r.opt(&q.edns, via)
	r.header(flags)
	return r.buf, outcome{fate, r.rcode, r.verified}
}

// notImplemented answers another opcode: what else its packet holds isn't known
// (RFC 8906, 8.1.4).
func (s *responder) notImplemented(buf []byte, q *query, via transport) ([]byte, outcome) {
	r := reply{rcode: dns.RcodeNotImplemented}
	if s.judge(&r, via) != answered {
		return nil, outcome{fate: limited}
	}
	return appendHeader(buf[:0], q.id, flagQR|q.flags&maskOpcode|dns.RcodeNotImplemented), outcome{fate: answered, rcode: r.rcode}
}

// judge says what becomes of an answer.
func (s *responder) judge(r *reply, via transport) fate {
	if via.tcp || r.verified {
		return answered
	}
	return s.limiter.Load().judge(via.from, r.class(), via.at)
}

// slip makes an answer empty and truncated; false where that can't be said, since
// no question was understood. Nothing about it says whether the answer exists, and
// it is never larger than the question, so a cookie goes along only if the question
// had one of the same size.
func (r *reply) slip(q *query) bool {
	if len(q.question) == 0 || r.rcode == dns.RcodeFormatError {
		return false
	}
	r.rcode, r.ede, r.aa, r.full = dns.RcodeSuccess, noEDE, false, true
	if len(q.edns.cookie) < fullCookie {
		q.edns.cookie = nil
	}
	return true
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
	case len(q.question) == 0:
		r.proveCookie(&q.edns)
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

// proveCookie answers who asks for nothing but a cookie: it is there already, and
// so the rcode says what the one that was sent is worth (RFC 7873, 5.4).
func (r *reply) proveCookie(e *edns) {
	if len(e.cookie) > clientCookie && !r.verified {
		r.rcode = dns.RcodeBadCookie
	}
}

// room is where records must end, so that the OPT record fits behind them.
func room(e *edns, via transport) int {
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
	if e.cookie != nil {
		size -= cookieLength
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
		tenths := via.idle / (100 * time.Millisecond)
		r.option(dns.EDNS0TCPKEEPALIVE, byte(tenths>>8), byte(tenths))
	}
	if e.cookie != nil {
		r.option(dns.EDNS0COOKIE, r.cookie[:]...)
	}
	if r.ede != noEDE {
		r.option(dns.EDNS0EDE, byte(r.ede>>8), byte(r.ede))
	}
	r.end(additionalSection, length)
}

// option writes an EDNS option.
func (r *reply) option(code uint16, data ...byte) {
	r.buf = binary.BigEndian.AppendUint16(r.buf, code)
	r.buf = binary.BigEndian.AppendUint16(r.buf, uint16(len(data)))
	r.buf = append(r.buf, data...)
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
