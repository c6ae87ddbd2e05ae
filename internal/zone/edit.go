package zone

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Edit gathers the changes of one batch on top of a snapshot. The snapshot stays
// as it is: an edit that is dropped has never been. One goroutine owns an edit.
type Edit struct {
	base    *Snapshot
	token   *token
	seq     uint64
	floor   Serial // the next serial is beyond it
	raised  bool   // the serial moves even if no data do
	touched map[string]*pending
	order   []string // owners by first touch, so that a delta is the same every time
}

type pending struct {
	before *RRset
	values []Value // the owner's values as they will be, oldest first
}

// Edit begins the next version of the snapshot.
func (s *Snapshot) Edit() *Edit {
	return &Edit{base: s, token: new(token), seq: s.seq, floor: s.serial, touched: make(map[string]*pending)}
}

// Set makes text the newest value of owner, at the Unix time at. A value that is
// there already is moved to the newest place and its time begins anew. Beyond
// limit values the oldest are dropped.
func (e *Edit) Set(owner, text string, at int64, limit int) {
	p := e.touch(owner)
	e.seq++
	p.values = slices.DeleteFunc(p.values, func(v Value) bool { return v.Text == text })
	p.values = append(p.values, Value{Text: text, Seq: e.seq, SetAt: at})
	if over := len(p.values) - limit; over > 0 {
		p.values = slices.Delete(p.values, 0, over)
	}
}

// Remove takes one value away and reports whether it was there.
func (e *Edit) Remove(owner, text string) bool {
	if !slices.ContainsFunc(e.current(owner), func(v Value) bool { return v.Text == text }) {
		return false
	}
	p := e.touch(owner)
	p.values = slices.DeleteFunc(p.values, func(v Value) bool { return v.Text == text })
	return true
}

// Clear takes all values of an owner away and reports whether there were any.
func (e *Edit) Clear(owner string) bool {
	if len(e.current(owner)) == 0 {
		return false
	}
	e.touch(owner).values = nil
	return true
}

// Expire takes away the owner's values that were set at or before that Unix time.
func (e *Edit) Expire(owner string, before int64) {
	due := func(v Value) bool { return v.SetAt <= before }
	if slices.ContainsFunc(e.current(owner), due) {
		p := e.touch(owner)
		p.values = slices.DeleteFunc(p.values, due)
	}
}

// Raise makes the next serial one beyond above, whatever else the batch does. It
// does nothing if the snapshot's own is beyond it, or if above is so far ahead that
// no serial is beyond both (RFC 1982).
func (e *Edit) Raise(above Serial) {
	if above.leadsOn(e.base.serial) && above.Reached(e.floor) {
		e.floor, e.raised = above, true
	}
}

// Move makes the serial move, even if no data do.
func (e *Edit) Move() { e.raised = true }

// Load puts a stored value in its place by its sequence number. It is for filling
// a fresh snapshot, in any order, and keeps every value.
func (e *Edit) Load(owner string, v Value) {
	p := e.touch(owner)
	i, _ := slices.BinarySearchFunc(p.values, v.Seq, func(w Value, seq uint64) int {
		return cmp.Compare(w.Seq, seq)
	})
	p.values = slices.Insert(p.values, i, v)
	e.seq = max(e.seq, v.Seq)
}

func (e *Edit) current(owner string) []Value {
	if p := e.touched[owner]; p != nil {
		return p.values
	}
	if set, _ := e.base.Lookup(owner); set != nil {
		return set.Values
	}
	return nil
}

func (e *Edit) touch(owner string) *pending {
	if p := e.touched[owner]; p != nil {
		return p
	}
	set, _ := e.base.Lookup(owner)
	p := &pending{before: set}
	if set != nil {
		p.values = slices.Clone(set.Values)
	}
	e.touched[owner] = p
	e.order = append(e.order, owner)
	return p
}

// Moves reports whether the serial has to move: the zone's data differ from the
// snapshot's, or the serial was raised. Values that were only refreshed don't count.
func (e *Edit) Moves() bool {
	if e.raised {
		return true
	}
	for _, p := range e.touched {
		if !sameTexts(p.before, p.values) {
			return true
		}
	}
	return false
}

// NextSerial returns the serial for Finish: the snapshot's own if nothing moves it,
// else the policy's next one at the time now, beyond what it was raised above. The
// policy's own may lie beyond that and yet, around the circle, behind the
// snapshot's: then it is the one after what it was raised above.
func (e *Edit) NextSerial(p SerialPolicy, now time.Time) Serial {
	if !e.Moves() {
		return e.base.serial
	}
	if next := p.Next(e.floor, now); e.base.serial.Less(next) {
		return next
	}
	return e.floor.following()
}

// Finish returns the next snapshot, at that serial, and what leads there. The
// serial must be the base's own if, and only if, Moves says false (see NextSerial);
// after Load alone it stays too.
func (e *Edit) Finish(serial Serial) (*Snapshot, Delta) {
	next := &Snapshot{serial: serial, seq: e.seq, names: e.base.names}
	delta := Delta{From: e.base.serial, To: serial}
	for _, owner := range e.order {
		p := e.touched[owner]
		if p.before == nil && len(p.values) == 0 {
			continue
		}
		after := p.rrset(serial)
		next.names = next.names.put(e.token, owner, entry{set: after, below: next.below(owner)})
		next.names = next.names.countAbove(e.token, owner, liveness(after)-liveness(p.before))
		delta.Changes = append(delta.Changes, RRsetChange{Owner: owner, Before: p.before, After: after})
	}
	return next, delta
}

func (p *pending) rrset(serial Serial) *RRset {
	if len(p.values) == 0 {
		return nil
	}
	if sameTexts(p.before, p.values) {
		serial = p.before.Serial
	}
	return &RRset{Values: p.values, Serial: serial}
}

func (s *Snapshot) below(owner string) int {
	e, _ := s.names.get(owner)
	return e.below
}

func liveness(r *RRset) int {
	if r == nil {
		return 0
	}
	return 1
}

// countAbove keeps the count of live names below each ancestor of owner.
func (m names) countAbove(e *token, owner string, by int) names {
	if by == 0 {
		return m
	}
	for _, above, ok := strings.Cut(owner, "."); ok; _, above, ok = strings.Cut(above, ".") {
		ent, _ := m.get(above)
		ent.below += by
		m = m.put(e, above, ent)
	}
	return m
}

// sameTexts reports whether the set holds just those texts, in whatever order:
// the order within an RRset has no meaning (RFC 2181, section 5).
func sameTexts(set *RRset, values []Value) bool {
	if set == nil {
		return len(values) == 0
	}
	if len(set.Values) != len(values) {
		return false
	}
	for _, v := range values {
		if !slices.ContainsFunc(set.Values, func(w Value) bool { return w.Text == v.Text }) {
			return false
		}
	}
	return true
}

// Delta leads from one serial to the next: what a journal keeps and an
// incremental transfer sends.
type Delta struct {
	From, To Serial        // equal where values were only refreshed and nothing raised it
	Changes  []RRsetChange // none where the serial was only raised
}

// RRsetChange is one owner's RRset before and after; nil for none. Both may hold
// the same texts, where values were only refreshed.
type RRsetChange struct {
	Owner         string
	Before, After *RRset
}
