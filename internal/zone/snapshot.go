package zone

import (
	"iter"
	"slices"
)

// Value is one TXT value at an owner.
type Value struct {
	Text  string `json:"txt"`
	Seq   uint64 `json:"seq"`    // the store's own order; the greatest is the newest
	SetAt int64  `json:"set_at"` // Unix time in seconds, what value_lifetime counts from
}

// RRset is the challenge TXT RRset of one owner. It is immutable.
type RRset struct {
	Values []Value // at least one, oldest first
	Serial Serial  // the serial with which its texts last changed
}

// Texts returns the values' texts, oldest first.
func (r *RRset) Texts() []string {
	texts := make([]string, len(r.Values))
	for i, v := range r.Values {
		texts[i] = v.Text
	}
	return texts
}

// Snapshot is everything that changes in the zone, at one serial. It is
// immutable and may be read by any number of goroutines for as long as they like.
type Snapshot struct {
	serial Serial
	seq    uint64
	names  names
}

// NewSnapshot returns a zone without values.
func NewSnapshot(serial Serial, seq uint64) *Snapshot {
	return &Snapshot{serial: serial, seq: seq}
}

// Serial returns the SOA serial of these data.
func (s *Snapshot) Serial() Serial { return s.serial }

// Seq returns the sequence number of the newest value ever set.
func (s *Snapshot) Seq() uint64 { return s.seq }

// Len returns the number of live names, those with at least one value.
func (s *Snapshot) Len() int { return s.names.len }

// Lookup returns the RRset of an owner, which is relative to the apex and in
// lower case ("d420c923-…", "_acme-challenge.www"). The set is nil where the name
// holds no value; exists is still true then if a live name lies below it (an
// empty non-terminal, RFC 8020).
func (s *Snapshot) Lookup(owner string) (set *RRset, exists bool) {
	e, ok := s.names.get(owner)
	return e.set, ok
}

// Values returns the values of an owner, oldest first, none where it has none. They
// must not be changed.
func (s *Snapshot) Values(owner string) []Value {
	set, _ := s.Lookup(owner)
	if set == nil {
		return nil
	}
	return set.Values
}

// All yields the live names and their RRsets, in no particular order.
func (s *Snapshot) All() iter.Seq2[string, *RRset] {
	return func(yield func(string, *RRset) bool) {
		for owner, e := range s.names.all() {
			if e.set != nil && !yield(owner, e.set) {
				return
			}
		}
	}
}

// Due returns the owners with values set at or before that Unix time. It looks at
// every live name.
func (s *Snapshot) Due(before int64) []string {
	var owners []string
	for owner, set := range s.All() {
		if slices.ContainsFunc(set.Values, func(v Value) bool { return v.SetAt <= before }) {
			owners = append(owners, owner)
		}
	}
	return owners
}
