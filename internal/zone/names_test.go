package zone

import (
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// model is what a snapshot must agree with: plain maps, written to be obvious.
type model map[string][]string

func (m model) set(owner, text string, limit int) {
	m.remove(owner, text)
	m[owner] = append(m[owner], text)
	if over := len(m[owner]) - limit; over > 0 {
		m[owner] = m[owner][over:]
	}
}

func (m model) remove(owner, text string) {
	left := slices.DeleteFunc(slices.Clone(m[owner]), func(s string) bool { return s == text })
	if m[owner] = left; len(left) == 0 {
		delete(m, owner)
	}
}

func (m model) exists(name string) bool {
	for owner := range m {
		if owner == name || strings.HasSuffix(owner, "."+name) {
			return true
		}
	}
	return false
}

func (m model) clone() model {
	c := make(model)
	for k, v := range m {
		c[k] = slices.Clone(v)
	}
	return c
}

func contents(s *Snapshot) model {
	m := make(model)
	for owner, set := range s.All() {
		m[owner] = set.Texts()
	}
	return m
}

func TestSnapshotAgainstModel(t *testing.T) {
	t.Run("spread", func(t *testing.T) { rapid.Check(t, checkAgainstModel) })
	t.Run("every name collides", func(t *testing.T) {
		withHash(t, func(string) uint64 { return 42 })
		rapid.Check(t, checkAgainstModel)
	})
	t.Run("hashes that differ at the last level only", func(t *testing.T) {
		withHash(t, func(o string) uint64 { return maphash.String(seed, o) << maxShift })
		rapid.Check(t, checkAgainstModel)
	})
}

func withHash(t *testing.T, hash func(string) uint64) {
	t.Helper()
	old := hashOwner
	hashOwner = hash
	t.Cleanup(func() { hashOwner = old })
}

// checkAgainstModel edits a snapshot and a model alike, and looks back at each
// earlier version at the end: none may have changed.
func checkAgainstModel(t *rapid.T) {
	const limit = 3
	owners := []string{"a", "b", "c", "x.a", "y.x.a", "z.b", "d", "e", "f"}
	owner, text := rapid.SampledFrom(owners), rapid.SampledFrom([]string{"1", "2", "3", "4", "5"})
	type version struct {
		snap *Snapshot
		want model
	}
	want, snap := model{}, NewSnapshot(1, 0)
	var history []version
	for range rapid.IntRange(1, 12).Draw(t, "batches") {
		edit := snap.Edit()
		for range rapid.IntRange(0, 6).Draw(t, "changes") {
			o, v := owner.Draw(t, "owner"), text.Draw(t, "text")
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				edit.Remove(o, v)
				want.remove(o, v)
			case 1:
				edit.Clear(o)
				delete(want, o)
			default:
				edit.Set(o, v, 0, limit)
				want.set(o, v, limit)
			}
		}
		serial := snap.Serial()
		if edit.Moves() {
			serial++
		}
		snap, _ = edit.Finish(serial)
		history = append(history, version{snap, want.clone()})
	}
	for i, h := range history {
		if diff := cmp.Diff(h.want, contents(h.snap)); diff != "" {
			t.Fatalf("version %d: %s", i, diff)
		}
		if h.snap.Len() != len(h.want) {
			t.Fatalf("version %d: Len %d, want %d", i, h.snap.Len(), len(h.want))
		}
		for _, name := range append(owners, "x", "q", "y.x", "x.b") {
			if _, exists := h.snap.Lookup(name); exists != h.want.exists(name) {
				t.Fatalf("version %d: %q exists: %v", i, name, exists)
			}
		}
	}
}

func TestEditMovesSerialOnlyForNewData(t *testing.T) {
	base := NewSnapshot(10, 0).Edit()
	base.Set("a", "1", 100, 6)
	base.Set("a", "2", 100, 6)
	snap, _ := base.Finish(11)

	refresh := snap.Edit()
	refresh.Set("a", "1", 200, 6)
	if refresh.Moves() {
		t.Fatal("a repeated value moves the serial")
	}
	snap, delta := refresh.Finish(11)
	set, _ := snap.Lookup("a")
	if got := set.Texts(); !slices.Equal(got, []string{"2", "1"}) {
		t.Errorf("a repeated value is not the newest: %v", got)
	}
	if set.Serial != 11 || delta.From != delta.To {
		t.Errorf("a refresh left serial %d, delta %d to %d", set.Serial, delta.From, delta.To)
	}
	if set.Values[1].SetAt != 200 {
		t.Errorf("the lifetime of a repeated value did not begin anew: %+v", set.Values)
	}

	again := snap.Edit()
	again.Set("a", "3", 300, 2)
	again.Remove("a", "3")
	if !again.Moves() {
		t.Error("dropping the oldest over the limit must move the serial")
	}
}

func TestExpire(t *testing.T) {
	e := NewSnapshot(1, 0).Edit()
	e.Set("a", "old", 100, 6)
	e.Set("a", "new", 200, 6)
	snap, _ := e.Finish(2)
	e = snap.Edit()
	e.Expire("a", 150)
	snap, delta := e.Finish(3)
	if set, _ := snap.Lookup("a"); !slices.Equal(set.Texts(), []string{"new"}) {
		t.Errorf("left: %v", set.Texts())
	}
	if len(delta.Changes) != 1 || len(delta.Changes[0].Before.Values) != 2 {
		t.Errorf("delta %+v", delta)
	}
}

func TestLoadRestoresOrder(t *testing.T) {
	e := NewSnapshot(5, 0).Edit()
	e.Load("a", Value{Text: "third", Seq: 9})
	e.Load("a", Value{Text: "first", Seq: 2})
	e.Load("a", Value{Text: "second", Seq: 4})
	snap, _ := e.Finish(5)
	set, _ := snap.Lookup("a")
	if got := set.Texts(); !slices.Equal(got, []string{"first", "second", "third"}) || snap.Seq() != 9 {
		t.Errorf("%v, seq %d", got, snap.Seq())
	}
}

func TestManyNames(t *testing.T) {
	const n = 20_000
	want := make(map[string]bool)
	e := NewSnapshot(1, 0).Edit()
	for i := range n {
		owner := fmt.Sprintf("name-%d", i)
		e.Set(owner, "v", 0, 6)
		want[owner] = true
	}
	snap, _ := e.Finish(2)
	if got := contents(snap); !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))) {
		t.Fatal("names differ")
	}
	e = snap.Edit()
	for owner := range want {
		e.Clear(owner)
	}
	if empty, _ := e.Finish(3); empty.Len() != 0 || empty.names.root != nil {
		t.Errorf("%d names left, root %v", empty.Len(), empty.names.root)
	}
	if snap.Len() != n {
		t.Error("the earlier version changed")
	}
}

func BenchmarkEditOneName(b *testing.B) {
	for _, n := range []int{100, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			e := NewSnapshot(1, 0).Edit()
			for i := range n {
				e.Set(fmt.Sprintf("name-%d", i), "v", 0, 6)
			}
			snap, _ := e.Finish(2)
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				e := snap.Edit()
				e.Set(fmt.Sprintf("name-%d", i%n), "w", int64(i), 6)
				snap, _ = e.Finish(snap.Serial() + 1)
			}
		})
	}
}
