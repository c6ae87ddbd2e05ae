package zone

import (
	"hash/maphash"
	"math/bits"
	"slices"
)

// seed is drawn at start, so that nobody can choose names that collide.
var seed = maphash.MakeSeed()

// hashOwner is a variable so that a test can make every name collide.
var hashOwner = func(owner string) uint64 { return maphash.String(seed, owner) }

// token tells the nodes of one edit from those of all others. A node must not
// hold the edit itself: that would keep the versions before it alive. It has a
// size, since pointers to things without one may be equal.
type token struct{ _ byte }

// put returns a version of m in which owner has that entry; an entry without
// values and without names below takes the owner away. Nodes made by the same
// edit are written in place.
func (m names) put(e *token, owner string, ent entry) names {
	if old, ok := m.get(owner); ok && old.set != nil {
		m.len--
	}
	if ent.set != nil {
		m.len++
	}
	hash := hashOwner(owner)
	if ent.set == nil && ent.below == 0 {
		m.root = m.root.remove(e, hash, 0, owner)
		return m
	}
	if m.root == nil {
		m.root = &node{edit: e}
	}
	m.root = m.root.insert(e, &leaf{hash: hash, owner: owner, entry: ent}, 0)
	return m
}

func (n *node) index(bit uint32) int { return bits.OnesCount32(n.used & (bit - 1)) }

// own returns n if the edit made it, else a copy that it may write to.
func (n *node) own(e *token) *node {
	if n.edit == e {
		return n
	}
	return &node{edit: e, used: n.used, slots: slices.Clone(n.slots)}
}

func (n *node) insert(e *token, l *leaf, shift uint) *node {
	n = n.own(e)
	bit := uint32(1) << (l.hash >> shift & 31)
	i := n.index(bit)
	if n.used&bit == 0 {
		n.used |= bit
		n.slots = slices.Insert(n.slots, i, slot{leaf: l})
		return n
	}
	switch s := n.slots[i]; {
	case s.child != nil:
		n.slots[i].child = s.child.insert(e, l, shift+levelBits)
	case s.leaf.hash == l.hash || shift >= maxShift:
		l.next = s.leaf.without(l.owner)
		n.slots[i].leaf = l
	default:
		child := (&node{edit: e}).insert(e, s.leaf, shift+levelBits)
		n.slots[i] = slot{child: child.insert(e, l, shift+levelBits)}
	}
	return n
}

// remove takes owner away below n; nil if nothing is left of n.
func (n *node) remove(e *token, hash uint64, shift uint, owner string) *node {
	if n == nil {
		return nil
	}
	bit := uint32(1) << (hash >> shift & 31)
	if n.used&bit == 0 {
		return n
	}
	n = n.own(e)
	i := n.index(bit)
	if s := n.slots[i]; s.child != nil {
		n.slots[i].child = s.child.remove(e, hash, shift+levelBits, owner)
	} else {
		n.slots[i].leaf = s.leaf.without(owner)
	}
	if n.slots[i] != (slot{}) {
		return n
	}
	n.used &^= bit
	n.slots = slices.Delete(n.slots, i, i+1)
	if len(n.slots) == 0 {
		return nil
	}
	return n
}

// without returns the chain less one owner. What comes before it is copied:
// other versions share the chain.
func (l *leaf) without(owner string) *leaf {
	switch {
	case l == nil:
		return nil
	case l.owner == owner:
		return l.next
	}
	c := *l
	c.next = l.next.without(owner)
	return &c
}
