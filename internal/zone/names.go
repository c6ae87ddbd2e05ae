package zone

import "iter"

// names is a persistent map from owner to entry, a hash array mapped trie: a
// reader holds a version for as long as it likes, a writer makes the next one by
// copying the few nodes on the way to what it changes. So an update costs the
// same with a hundred names as with a million, and nobody waits for anybody.
type names struct {
	root *node
	len  int // owners with values, empty non-terminals not counted
}

// entry is what the zone knows of a name that exists.
type entry struct {
	set   *RRset // nil for an empty non-terminal
	below int    // owners with values strictly below this name
}

const (
	levelBits = 5
	maxShift  = 60 // beyond it a hash of 64 bits has no more to give
)

type node struct {
	edit  *token // of the edit that made this node and may still write to it
	used  uint32
	slots []slot
}

// slot holds either a child or a leaf.
type slot struct {
	child *node
	leaf  *leaf
}

type leaf struct {
	hash  uint64
	owner string
	entry entry
	next  *leaf // another owner with the same hash
}

// get returns the entry of an owner.
func (m names) get(owner string) (entry, bool) {
	n, hash := m.root, hashOwner(owner)
	for shift := uint(0); n != nil; shift += levelBits {
		bit := uint32(1) << (hash >> shift & 31)
		if n.used&bit == 0 {
			return entry{}, false
		}
		s := n.slots[n.index(bit)]
		if s.leaf != nil {
			return s.leaf.find(owner)
		}
		n = s.child
	}
	return entry{}, false
}

func (l *leaf) find(owner string) (entry, bool) {
	for ; l != nil; l = l.next {
		if l.owner == owner {
			return l.entry, true
		}
	}
	return entry{}, false
}

// all yields every owner, empty non-terminals too, in no particular order.
func (m names) all() iter.Seq2[string, entry] {
	return func(yield func(string, entry) bool) { m.root.walk(yield) }
}

func (n *node) walk(yield func(string, entry) bool) bool {
	if n == nil {
		return true
	}
	for _, s := range n.slots {
		if s.child != nil && !s.child.walk(yield) {
			return false
		}
		for l := s.leaf; l != nil; l = l.next {
			if !yield(l.owner, l.entry) {
				return false
			}
		}
	}
	return true
}
