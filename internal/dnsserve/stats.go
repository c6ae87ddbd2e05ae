package dnsserve

import (
	"sync/atomic"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/limit"
)

// Answers counts answers by their rcode, EDNS' part of it included, which is the
// index. RcodeName names it.
type Answers [dns.RcodeBadCookie + 1]uint64

// RcodeName is an rcode as it is written in RFCs, "NXDOMAIN" for 3.
func RcodeName(rcode int) string {
	if rcode == dns.RcodeBadVers {
		return "BADVERS" // the library has the TSIG error of the same number
	}
	return dns.RcodeToString[rcode]
}

// Stats count what the server has done since it was made.
type Stats struct {
	// UDP and TCP are the answers sent, those cut short to fit (TC) among them.
	UDP, TCP Answers
	// Dropped packets and messages were no queries: shorter than a header, or
	// responses. They get no answer.
	Dropped uint64
	// RateLimited questions got no answer because their network had had its share.
	RateLimited uint64
	// Slipped questions got an empty answer for that reason, which sends the client
	// to TCP. It isn't counted in UDP.
	Slipped uint64
	// CookiesValid is how many questions came with a valid server cookie (RFC 7873),
	// over UDP or TCP.
	CookiesValid uint64
	// Connections are those over TCP.
	Connections limit.ConnectionStats
}

// Stats returns the counts. They are read one after the other while answers go on,
// so they need not be of one moment. It takes no time that an answer would notice.
func (s *Server) Stats() Stats {
	stats := Stats{Connections: s.connections.Stats()}
	for i := range s.sockets {
		s.sockets[i].udpCounts.addTo(&stats, &stats.UDP)
		s.sockets[i].tcpCounts.addTo(&stats, &stats.TCP)
	}
	return stats
}

// counters belong to one listen address and transport, over UDP as a rule to one
// goroutine, so that counting costs next to nothing.
type counters struct {
	_        [64]byte // a cache line, lest neighbours in memory slow each other down
	answers  [len(Answers{})]atomic.Uint64
	ignored  atomic.Uint64
	limited  atomic.Uint64
	slipped  atomic.Uint64
	verified atomic.Uint64
	_        [64]byte
}

func (c *counters) count(o outcome) {
	switch o.fate {
	case ignored:
		c.ignored.Add(1)
	case answered:
		c.answers[o.rcode].Add(1)
	case slipped:
		c.slipped.Add(1)
	case limited:
		c.limited.Add(1)
	}
	if o.verified {
		c.verified.Add(1)
	}
}

func (c *counters) addTo(stats *Stats, answers *Answers) {
	for rcode := range c.answers {
		answers[rcode] += c.answers[rcode].Load()
	}
	stats.Dropped += c.ignored.Load()
	stats.RateLimited += c.limited.Load()
	stats.Slipped += c.slipped.Load()
	stats.CookiesValid += c.verified.Load()
}
