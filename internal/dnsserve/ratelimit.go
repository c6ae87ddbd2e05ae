package dnsserve

import (
	"hash/maphash"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zone"
)

// RateLimit bounds the UDP answers to one network, so that this server is of no use
// to somebody who asks with another's address. It counts neither clients with a
// valid cookie nor TCP, where addresses aren't forged.
type RateLimit struct {
	// PerSecond is how many answers one IPv4 /24 or IPv6 /56 gets a second, of each
	// of three kinds: with data, without, errors. So a flood of questions for which
	// there are errors takes nothing from those for which there are data. After a
	// pause as many go out at once. 0 is no limit.
	PerSecond int
	// Slip is every how manieth question beyond that, on average, gets an answer
	// that is no larger than the question and sends a real client to TCP; the others
	// get none. 0 is never.
	Slip int
	// Exempt are networks that aren't counted.
	Exempt []netip.Prefix
}

// fate is what becomes of a packet.
type fate int

const (
	ignored  fate = iota // it was no query
	answered             // in full, or as far as it fits
	slipped              // with an empty, truncated answer
	limited              // with none, for the rate limit
)

// class is what is counted by itself.
type class byte

const (
	positive class = iota
	negative
	failure
)

// class returns what an answer counts as.
func (r *reply) class() class {
	switch {
	case r.rcode == dns.RcodeNameError:
		return negative
	case r.rcode != dns.RcodeSuccess:
		return failure
	case r.full, r.counts[answerSection] > 0, r.counts[authoritySection] > 0 && !r.aa:
		return positive
	}
	return negative
}

// rateLimiter decides which UDP answers go out. Any number of goroutines may use
// it; none waits for another.
//
// A network is held by a fixed table, at a place that nobody can foresee, since the
// hash has a key of its own in each process. Where two networks meet they don't
// share an account: that would let one be silenced with the address of another. The
// one that has used least makes room and begins anew, so the table errs towards
// answering, and what a flood can do to a network is to use up its own account.
type rateLimiter struct {
	table accounts
	seed  maphash.Seed
	begun time.Time
	limit RateLimit
}

// newRateLimiter returns nil, which limits nothing, for a limit of 0.
func newRateLimiter(limit RateLimit) *rateLimiter {
	if limit.PerSecond == 0 {
		return nil
	}
	return &rateLimiter{
		table: newAccounts(limit.PerSecond), seed: maphash.MakeSeed(), begun: time.Now(), limit: limit.clone(),
	}
}

func (r RateLimit) clone() RateLimit {
	r.Exempt = slices.Clone(r.Exempt)
	return r
}

// next returns what another limit is kept with. Where no more than Slip or Exempt is
// another, the table stays, and with it what each network has used; else all begin anew.
func (l *rateLimiter) next(limit RateLimit) *rateLimiter {
	if l == nil || l.limit.PerSecond != limit.PerSecond {
		return newRateLimiter(limit)
	}
	same := *l
	same.limit = limit.clone()
	return &same
}

// SetRateLimit has another limit count for all answers from now on. One goroutine may call
// it at a time; answers go on meanwhile.
func (s *Server) SetRateLimit(limit RateLimit) {
	s.limiter.Store(s.limiter.Load().next(limit))
}

// judge says what becomes of an answer to that address, at that time.
func (l *rateLimiter) judge(to netip.Addr, c class, now time.Time) fate {
	switch {
	case l == nil || zone.Contains(l.limit.Exempt, to) || l.table.take(l.hash(to, c), now.Sub(l.begun)):
		return answered
	case l.limit.Slip > 0 && rand.IntN(l.limit.Slip) == 0:
		return slipped
	}
	return limited
}

// hash stands for a network and a class.
func (l *rateLimiter) hash(to netip.Addr, c class) uint64 {
	var key [9]byte
	address := to.As16() // IPv4 as ::ffff:a.b.c.d
	if to.Is4() {
		copy(key[:], address[8:15])
	} else {
		copy(key[:], address[:7])
		key[7] = 1 // not an IPv4 address
	}
	key[8] = byte(c)
	return maphash.Bytes(l.seed, key[:])
}
