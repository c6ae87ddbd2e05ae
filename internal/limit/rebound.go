package limit

// Rebound has other bounds count from now on; whom they exempt stays. Connections that are
// too many then give way as they do for a newcomer: those that have been waited for longest.
// One that is being worked on is left alone, and gives way to a newcomer later.
//
// It takes the lock for as long as it takes to look at each client once.
func (c *Connections) Rebound(total, perClient int) {
	closeEach(c.rebound(total, perClient))
}

func (c *Connections) rebound(total, perClient int) (evicted []*Handle) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bounds.Total, c.bounds.PerClient = total, perClient
	for _, client := range c.clients {
		for c.hasTooMany(client) && client.waiting.Len() > 0 {
			evicted = append(evicted, c.evict(client))
		}
	}
	for c.tooMany() && c.ranking.top > 0 {
		evicted = append(evicted, c.evict(c.ranking.first()))
	}
	return evicted
}

// evict forgets the connection of a client that has been waited for longest; there must be
// one.
func (c *Connections) evict(from *client) *Handle {
	victim := from.longest()
	c.drop(victim)
	c.stats.Evicted++
	return victim
}

// Crowded reports whether over half of the places that there are in all are taken.
func (c *Connections) Crowded() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bounds.Total > 0 && len(c.open) > c.bounds.Total/2
}
