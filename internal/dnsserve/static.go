package dnsserve

import (
	"fmt"
	"slices"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zone"
)

const typeTXT = dns.TypeTXT

// rdata is the data of a static record in wire form, cut around the names that
// may be compressed: those of the types of RFC 1035 (RFC 3597, section 4).
type rdata struct {
	before []byte // an MX record's preference
	names  []wireName
	after  []byte // everything else
}

// rrset is a static RRset, ready to be written.
type rrset struct {
	rrtype uint16
	ttl    uint32
	data   []rdata
}

// node is a name of the static zone. Without RRsets it is an empty non-terminal.
type node struct {
	name     wireName // lower case
	rrsets   []rrset
	wildcard *node // the name "*" right below this one, if the zone has it
	cut      bool  // the zone ends here: NS records below the apex
}

// get returns the RRset of that type, nil for none. It may be asked of no node.
func (n *node) get(rrtype uint16) *rrset {
	if n == nil {
		return nil
	}
	for i := range n.rrsets {
		if n.rrsets[i].rrtype == rrtype {
			return &n.rrsets[i]
		}
	}
	return nil
}

// static is what doesn't change while the server runs, laid out for look-ups. It
// is immutable.
type static struct {
	apex         wireName
	top          *node
	nodes        map[string]*node // by wire name in lower case
	soa          rrset            // its serial is written over in each answer
	negativeTTL  uint32           // of the SOA in a negative answer (RFC 2308, section 5)
	challengeTTL uint32
}

func prepare(d *zone.Definition) (*static, error) {
	s := &static{nodes: make(map[string]*node), challengeTTL: d.ChallengeTTL()}
	soa := d.SOA(0)
	owner, data, err := pack(soa)
	if err != nil {
		return nil, err
	}
	s.apex = owner
	s.soa = rrset{rrtype: dns.TypeSOA, ttl: soa.Hdr.Ttl, data: []rdata{data}}
	s.negativeTTL = min(soa.Hdr.Ttl, soa.Minttl)
	s.top = s.node(owner)
	for _, rr := range d.Static() {
		if err := s.add(rr); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *static) add(rr dns.RR) error {
	owner, data, err := pack(rr)
	if err != nil {
		return err
	}
	h := rr.Header()
	n := s.node(owner)
	set := n.get(h.Rrtype)
	if set == nil {
		n.rrsets = append(n.rrsets, rrset{rrtype: h.Rrtype, ttl: h.Ttl})
		set = &n.rrsets[len(n.rrsets)-1]
	}
	set.data = append(set.data, data)
	n.cut = n.cut || h.Rrtype == dns.TypeNS && n != s.top
	return nil
}

// node returns the node of that name and makes it, and the names between it and
// the apex, where the zone doesn't have them yet.
func (s *static) node(name wireName) *node {
	if n := s.nodes[string(name)]; n != nil {
		return n
	}
	n := &node{name: name}
	s.nodes[string(name)] = n
	if len(name) > len(s.apex) {
		above := s.node(name.parent())
		if name[0] == 1 && name[1] == '*' {
			above.wildcard = n
		}
	}
	return n
}

// pack returns a record's owner in lower case, and its data. Data keep their case.
func pack(rr dns.RR) (owner wireName, data rdata, err error) {
	buf := make([]byte, dns.MaxMsgSize)
	end, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		return nil, rdata{}, fmt.Errorf("record %s: %w", rr.String(), err)
	}
	at, ok := readName(buf[:end], 0)
	if !ok {
		return nil, rdata{}, fmt.Errorf("record %s: its owner is no domain name", rr.String())
	}
	const fixed = 10 // type, class, TTL and length
	return wireName(buf[:at]).appendLower(nil), split(rr.Header().Rrtype, slices.Clone(buf[at+fixed:end])), nil
}

// split cuts data where names may be compressed.
func split(rrtype uint16, wire []byte) rdata {
	before, names := 0, 0
	switch rrtype {
	case dns.TypeNS, dns.TypeCNAME, dns.TypePTR:
		names = 1
	case dns.TypeMX:
		before, names = 2, 1
	case dns.TypeSOA:
		names = 2
	}
	d := rdata{before: wire[:before], after: wire[before:]}
	for range names {
		end, ok := readName(d.after, 0)
		if !ok {
			return rdata{after: wire}
		}
		d.names = append(d.names, wireName(d.after[:end]))
		d.after = d.after[end:]
	}
	return d
}
