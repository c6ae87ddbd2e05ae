package store

import (
	"sync"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

const (
	// cachedFor is how long an account is remembered: for the updates of one
	// certificate, which come within a moment. A change made to the database by
	// other means is seen after that at the latest.
	cachedFor = time.Second
	// maxCached bounds the memory, whatever the number of registrations, and maxNetworks
	// whatever the length of their allow lists: a client may give thousands of networks.
	maxCached   = 4096
	maxNetworks = 64
)

// accountCache remembers accounts that were just looked up. Any number of
// goroutines may use it.
type accountCache struct {
	mu       sync.RWMutex
	accounts map[string]cachedAccount // by user name
	removals uint64                   // how many accounts have been forgotten
}

type cachedAccount struct {
	account zone.Account
	until   time.Time
}

// get returns an account that is remembered, and else the state to put one with.
func (c *accountCache) get(username string, now time.Time) (a zone.Account, ok bool, state uint64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok := c.accounts[username]
	return e.account, ok && now.Before(e.until), c.removals
}

// put remembers an account, unless it is a large one, or one was forgotten since the
// look-up began: it may have been this one.
func (c *accountCache) put(a zone.Account, now time.Time, state uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.removals != state || a.AllowFrom.Len() > maxNetworks {
		return
	}
	if len(c.accounts) >= maxCached || c.accounts == nil {
		c.accounts = make(map[string]cachedAccount)
	}
	c.accounts[a.Username] = cachedAccount{a, now.Add(cachedFor)}
}

// forgetAll drops everything.
func (c *accountCache) forgetAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.accounts)
	c.removals++
}

// forget drops an account that was changed or removed.
func (c *accountCache) forget(username string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.accounts, username)
	c.removals++
}
