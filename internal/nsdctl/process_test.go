package nsdctl

import (
	"os"
	"testing"
)

// TestGenerations has what a census may find at each moment of a reload. NSD 4.6 calls
// the main process from before "nsd: main", as its new processes are called until they
// come to run; later versions call it "nsd: old-main".
func TestGenerations(t *testing.T) {
	for _, c := range []struct {
		name   string
		titles []string
		want   bool
	}{
		{"at rest", []string{"nsd: server 1", "nsd: server 2"}, true},
		{"nobody", nil, false},
		{"both generations", []string{"nsd: server 1", "nsd: server 2", "nsd: main", "nsd: server 1", "nsd: server 2"}, false},
		{"one of the old is left", []string{"nsd: server 2", "nsd: main", "nsd: server 1", "nsd: server 2"}, false},
		{"one of the old is left, one of the new hasn't run", []string{"nsd: server 2", "nsd: main", "nsd: server 1", "nsd: main"}, false},
		{"the old main is left", []string{"nsd: main", "nsd: server 1", "nsd: server 2"}, true},
		{"the old main is left, by its later name", []string{"nsd: old-main", "nsd: server 1", "nsd: server 2"}, true},
		{"the same, and one of the new hasn't run", []string{"nsd: old-main", "nsd: server 1", "nsd: load"}, false},
		{"none of the new has run", []string{"nsd: main", "nsd: main"}, false},
	} {
		var g generation
		for i, title := range c.titles {
			g = append(g, process{pid: i, title: title})
		}
		if got := g.single(); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
		if g.untitled() {
			t.Errorf("%s: untitled", c.name)
		}
	}
	if !(generation{{title: "nsd"}}).untitled() {
		t.Error("a process without a title is not noticed")
	}
}

// TestMainAmong has processes that share a socket, with their parents.
func TestMainAmong(t *testing.T) {
	for _, c := range []struct {
		name    string
		parents map[int]int
		want    int
	}{
		{"xfrd, main, two servers", map[int]int{10: 1, 11: 10, 12: 11, 13: 11}, 11},
		{"no servers just now", map[int]int{10: 1, 11: 10}, 11},
		{"two NSDs", map[int]int{10: 1, 11: 10, 20: 1, 21: 20}, 0},
		{"one process", map[int]int{10: 1}, 0},
		{"nobody", nil, 0},
	} {
		if got, found := mainAmong(c.parents); got != c.want || found != (c.want != 0) {
			t.Errorf("%s: %d %v", c.name, got, found)
		}
	}
}

// TestStrangersAreNoFamily: only NSD's main process, the child of xfrd, is one.
func TestStrangersAreNoFamily(t *testing.T) {
	for _, pid := range []int{1, os.Getpid(), 1 << 30} {
		if f, ok := familyOf(pid); ok {
			t.Errorf("%d is taken for NSD's main process: %+v", pid, f)
		}
	}
}
