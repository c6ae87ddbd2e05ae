package dnsserve

import (
	"crypto/rand"
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/dchest/siphash"
)

const (
	clientCookie = 8  // octets that a client chose
	fullCookie   = 24 // the same, and a server cookie of version 1 behind them (RFC 9018)
	cookieLength = 4 + fullCookie

	// A server cookie is valid for an hour, to a clock that is five minutes behind
	// at the most, and replaced when it has half of that behind it (RFC 9018, 4.3).
	cookieAge   = time.Hour
	cookieAhead = 5 * time.Minute
	cookieRenew = 30 * time.Minute
)

// cookies makes and checks server cookies, by which a client proves that it gets
// what is sent to its address (RFC 7873, in the form of RFC 9018). The secret lives
// as long as the process: cookies from before a restart are invalid, and are
// replaced with the first answer. It is immutable.
type cookies struct{ k0, k1 uint64 }

func newCookies() cookies {
	var secret [16]byte
	rand.Read(secret[:]) // never fails: the program ends instead
	return cookiesOf(secret)
}

func cookiesOf(secret [16]byte) cookies {
	return cookies{binary.LittleEndian.Uint64(secret[:8]), binary.LittleEndian.Uint64(secret[8:])}
}

// cookie is what the COOKIE option of an answer holds.
type cookie [fullCookie]byte

// answer returns the cookie to answer with, and whether the one that was asked with
// is valid. An invalid one is as good as none (RFC 7873, 5.2.4): the answer, with a
// cookie to come back with, does more for the client than an error would.
func (c cookies) answer(asked []byte, from netip.Addr, now time.Time) (answer cookie, valid bool) {
	if len(asked) == fullCookie {
		copy(answer[:], asked)
		age := int32(uint32(now.Unix()) - binary.BigEndian.Uint32(answer[12:])) // RFC 1982
		timely := age <= int32(cookieAge/time.Second) && age >= -int32(cookieAhead/time.Second)
		valid = timely && answer[8] == 1 && c.hash(&answer, from) == binary.LittleEndian.Uint64(answer[16:])
		if valid && age <= int32(cookieRenew/time.Second) {
			return answer, true
		}
	}
	return c.fresh(asked, from, now), valid
}

// ownCookie returns what the COOKIE option of a question from that address holds when it has
// a valid server cookie: the process asks itself whether the server answers, and a flood
// that uses up its network's share must not hide that.
func (s *Server) ownCookie(from netip.Addr) []byte {
	var client [clientCookie]byte
	rand.Read(client[:]) // never fails: the program ends instead
	valid := s.responder.cookies.fresh(client[:], from, time.Now())
	return valid[:]
}

func (c cookies) fresh(asked []byte, from netip.Addr, now time.Time) (fresh cookie) {
	copy(fresh[:clientCookie], asked)
	fresh[8] = 1
	binary.BigEndian.PutUint32(fresh[12:], uint32(now.Unix()))
	binary.LittleEndian.PutUint64(fresh[16:], c.hash(&fresh, from))
	return fresh
}

// hash is over everything in front of the hash, and the client's address (RFC 9018,
// 4.4).
func (c cookies) hash(of *cookie, from netip.Addr) uint64 {
	var message [16 + 16]byte
	copy(message[:], of[:16])
	if from.Is4() {
		four := from.As4()
		return siphash.Hash(c.k0, c.k1, message[:16+copy(message[16:], four[:])])
	}
	sixteen := from.As16()
	copy(message[16:], sixteen[:])
	return siphash.Hash(c.k0, c.k1, message[:])
}
