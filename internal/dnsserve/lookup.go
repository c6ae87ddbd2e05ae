package dnsserve

import (
	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zone"
)

// found is what the zone holds for a name (RFC 1034, 4.3.2, step 3).
type found struct {
	kind kind
	node *node       // the static node; nil at a name that only live values make
	live *zone.RRset // the live values right at the name
}

// kind says how a name was found.
type kind int

const (
	missing kind = iota // no such name: NXDOMAIN
	exact               // the name itself, or the wildcard that stands for it
	atCut               // the name where a delegation begins
	belowCut
	belowDNAME
)

// find walks down from the apex. It ends at the first name that doesn't exist, so
// what it costs depends on the zone, not on how many labels a stranger puts in
// front.
func (s *static) find(name wireName, snap *zone.Snapshot) found {
	var lowered [maxName]byte
	var starts [maxLabels]uint8
	key := name.appendLower(lowered[:0])
	depth := 0
	for at := 0; len(key)-at > len(s.apex); at += 1 + int(key[at]) {
		starts[depth] = uint8(at)
		depth++
	}
	above := s.top
	for i := depth - 1; i >= 0; i-- {
		f, done := s.descend(key[starts[i]:], above, snap, i == 0)
		if done {
			return f
		}
		above = f.node
	}
	return found{kind: exact, node: above}
}

// descend takes one step down, to the name key right below the node above. It is
// done at the last name, and where another rule takes over.
func (s *static) descend(key wireName, above *node, snap *zone.Snapshot, last bool) (f found, done bool) {
	f = found{kind: exact, node: s.nodes[string(key)]}
	exists := f.node != nil
	if !exists || last {
		var alive bool
		f.live, alive = s.live(key, snap)
		exists = exists || alive
	}
	switch {
	case !exists:
		return synthesized(above), true
	case f.node != nil && f.node.cut && last:
		f.kind = atCut
	case f.node != nil && f.node.cut:
		f.kind = belowCut
	case !last && f.node.get(dns.TypeDNAME) != nil:
		f.kind = belowDNAME
	default:
		return f, last
	}
	return f, true
}

// synthesized is what stands for a name that doesn't exist right below that node
// or further down: its wildcard, if it has one (RFC 4592, 4.1).
func synthesized(encloser *node) found {
	if encloser == nil || encloser.wildcard == nil {
		return found{kind: missing}
	}
	return found{kind: exact, node: encloser.wildcard}
}

// live looks a name, in lower case, up in the snapshot. Owners there are labels
// joined by dots; a label that holds a dot of its own is no owner's.
func (s *static) live(key wireName, snap *zone.Snapshot) (set *zone.RRset, exists bool) {
	var joined [maxName]byte
	owner := joined[:0]
	for n := key; len(n) > len(s.apex); n = n.parent() {
		for _, c := range n[1 : 1+int(n[0])] {
			if c == '.' {
				return nil, false
			}
			owner = append(owner, c)
		}
		owner = append(owner, '.')
	}
	return snap.Lookup(string(owner[:len(owner)-1]))
}
