package limit

import (
	"container/list"
	"net/netip"
)

// client has its connections counted together.
type client struct {
	from    netip.Prefix
	exempt  bool
	open    int
	waiting list.List     // of *Handle: those that are waited for, longest first
	rank    int           // how many are waited for, as the ranking has it
	place   *list.Element // in the ranking's list of that rank; nil at rank 0
}

// longest returns the connection that has been waited for longest; there must be
// one.
func (c *client) longest() *Handle { return c.waiting.Front().Value.(*Handle) }

// ranking orders clients by how many of their connections are waited for. That
// number moves by one at a time, so a list for each number keeps the order in
// constant time. The zero value is ready.
type ranking struct {
	byRank []*list.List // of *client; those that came to this rank first are in front
	top    int          // the highest rank that a client has
}

// move puts a client where it belongs after one of its connections came or went.
func (r *ranking) move(c *client) {
	if c.place != nil {
		r.byRank[c.rank].Remove(c.place)
		c.place = nil
	}
	c.rank = c.waiting.Len()
	for len(r.byRank) <= c.rank {
		r.byRank = append(r.byRank, list.New())
	}
	if c.rank > 0 {
		c.place = r.byRank[c.rank].PushBack(c)
	}
	r.top = max(r.top, c.rank)
	for r.top > 0 && r.byRank[r.top].Len() == 0 { // one step at the most
		r.top--
	}
}

// first returns the client that is waited for on the most connections, and among
// equals the one that has been so longest; there must be one. Where each has one
// connection that is the client waited for longest.
func (r *ranking) first() *client { return r.byRank[r.top].Front().Value.(*client) }
