package dnsserve

import (
	"encoding/binary"
	"slices"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zone"
)

// maxLinks bounds a chain of CNAMEs and DNAMEs; a resolver that got that far asks
// for the rest itself.
const maxLinks = 64

// reply finds the answer to one question and writes it, section by section.
type reply struct {
	message
	zone   *static
	snap   *zone.Snapshot
	qtype  uint16
	single bool // ANY gives one RRset (RFC 8482)

	rcode int
	ede   int // extended error (RFC 8914)
	aa    bool

	cookie   cookie // what the COOKIE option holds, if the query had one
	verified bool   // the query's was valid

	links []wireName // names and DNAMEs that have led on to another name
}

// answer answers for a name of the zone (RFC 1034, 4.3.2). It follows CNAMEs and
// DNAMEs for as long as they stay in the zone; the rcode is that of the last name
// (RFC 6604).
func (r *reply) answer(name wireName) {
	r.aa = true
	for owner := name; len(r.links) < maxLinks; {
		next := r.step(owner)
		if next == nil || !next.within(r.zone.apex) {
			return
		}
		r.links = append(r.links, owner)
		if r.followed(next) {
			return
		}
		owner = next
	}
}

// followed reports whether the chain has been at that name: it is a loop.
func (r *reply) followed(name wireName) bool {
	return slices.ContainsFunc(r.links, func(link wireName) bool { return equalFold(link, name) })
}

// step answers for one name and returns the name to go on with, nil at the end.
func (r *reply) step(owner wireName) (next wireName) {
	f := r.zone.find(owner, r.snap)
	switch {
	case f.kind == belowCut, f.kind == atCut && r.qtype != dns.TypeDS:
		r.refer(f.node)
	case f.kind == belowDNAME:
		return r.rename(owner, f.node)
	case f.kind == missing:
		r.rcode = dns.RcodeNameError
		r.negative()
	case r.qtype == dns.TypeANY:
		r.any(owner, f)
	default:
		return r.match(owner, f)
	}
	return nil
}

// match answers with the RRset that was asked for, or the CNAME in its place.
func (r *reply) match(owner wireName, f found) (next wireName) {
	if alias := f.node.get(dns.TypeCNAME); alias != nil && r.qtype != dns.TypeCNAME {
		r.rrset(answerSection, owner, alias)
		return alias.data[0].names[0]
	}
	set := f.node.get(r.qtype)
	switch {
	case r.qtype == dns.TypeTXT && f.live != nil:
		r.texts(owner, set, f.live)
	case r.qtype == dns.TypeSOA && f.node == r.zone.top:
		r.soa(answerSection, r.zone.soa.ttl)
	case set == nil:
		r.negative()
	default:
		r.rrset(answerSection, owner, set)
		if set.rrtype == dns.TypeNS {
			r.addresses(set)
		}
	}
	return nil
}

// texts writes static and live TXT values as the one RRset that they are: one
// TTL (RFC 2181, 5.2), no value twice.
func (r *reply) texts(owner wireName, fixed *rrset, live *zone.RRset) {
	if fixed != nil {
		merged := rrset{rrtype: dns.TypeTXT, ttl: r.zone.challengeTTL, data: fixed.data}
		r.rrset(answerSection, owner, &merged)
	}
	for i := range live.Values {
		if text := live.Values[i].Text; !fixed.holdsText(text) {
			r.text(answerSection, owner, r.zone.challengeTTL, text)
		}
	}
}

// any answers ANY: everything that the name holds, or one RRset of it.
func (r *reply) any(owner wireName, f found) {
	before := r.counts
	if f.live != nil {
		r.texts(owner, f.node.get(dns.TypeTXT), f.live)
	}
	if f.node != nil {
		for i := range f.node.rrsets {
			set := &f.node.rrsets[i]
			if r.single && r.counts != before {
				return
			}
			if f.live == nil || set.rrtype != dns.TypeTXT {
				r.rrset(answerSection, owner, set)
			}
		}
	}
	switch {
	case f.node == r.zone.top && !r.single:
		r.soa(answerSection, r.zone.soa.ttl)
	case r.counts == before:
		r.negative()
	}
}

// negative says who knows that there is nothing, and for how long (RFC 2308).
func (r *reply) negative() { r.soa(authoritySection, r.zone.negativeTTL) }

// soa writes the SOA record with the serial of the snapshot that is answered from.
func (r *reply) soa(s section, ttl uint32) {
	if r.full {
		return
	}
	const timers = 5 * 4 // octets of the serial and the timers, which end the record
	set := rrset{rrtype: dns.TypeSOA, ttl: ttl, data: r.zone.soa.data}
	r.rrset(s, r.zone.apex, &set)
	binary.BigEndian.PutUint32(r.buf[len(r.buf)-timers:], uint32(r.snap.Serial()))
}

// holdsText reports whether one of the records is that text alone.
func (set *rrset) holdsText(text string) bool {
	if set == nil {
		return false
	}
	for i := range set.data {
		if string(set.data[i].after) == string(appendText(nil, text)) {
			return true
		}
	}
	return false
}
