package dnsserve

import (
	"sync/atomic"
	"time"
)

const (
	// accountLines times lineAccounts is how many networks are told apart at a time,
	// in half a megabyte. With more than that flooding, some of them get more than
	// their share.
	accountLines = 1 << 13
	lineAccounts = 8 // those that share a cache line

	tickShift = 6  // a tick is 64 ns: fine enough for a million answers a second
	timeBits  = 40 // 19 hours of ticks; then they begin anew
	timeMask  = 1<<timeBits - 1
	second    = int64(time.Second >> tickShift)

	takeAttempts = 4
)

// accounts is a table of who has used how much. An account is one word: at the top
// a tag, by which its owner is known, below it the time when everything used will
// have come back (the generic cell rate algorithm). Any number of goroutines may
// use it, without a lock.
type accounts struct {
	lines []line
	cost  int64 // ticks until one answer has come back
	depth int64 // ticks that may be used ahead: a second
}

type line [lineAccounts]atomic.Uint64

func newAccounts(perSecond int) accounts {
	cost := max(second/int64(perSecond), 1)
	return accounts{lines: make([]line, accountLines), cost: cost, depth: cost * int64(perSecond)}
}

// take takes one answer from an account; false if it is used up. Where others keep
// changing the same account it gives up after a few attempts and lets it pass.
func (a *accounts) take(hash uint64, since time.Duration) bool {
	line := &a.lines[hash%accountLines]
	tag, now := hash&^timeMask, int64(since>>tickShift)
	for range takeAttempts {
		account, found, used := a.find(line, tag, now)
		if used+a.cost > a.depth {
			return false
		}
		if account.CompareAndSwap(found, tag|uint64(now+used+a.cost)&timeMask) {
			return true
		}
	}
	return true
}

// find returns the account of that tag, what it holds, and how much of it is used.
// If there is none that is the one that has used least, as a new one.
func (a *accounts) find(line *line, tag uint64, now int64) (account *atomic.Uint64, found uint64, used int64) {
	least := a.depth + 1
	for i := range line {
		held := line[i].Load()
		ahead := a.ahead(held, now)
		if held&^timeMask == tag {
			return &line[i], held, ahead
		}
		if ahead < least {
			least, account, found = ahead, &line[i], held
		}
	}
	return account, found, 0
}

// ahead is how much of an account is used at that time. A time further ahead than
// any can be is long past; one that is so by less than a second was written by somebody
// whose question came a little later, and who was sooner to count it.
func (a *accounts) ahead(held uint64, now int64) int64 {
	ahead := int64((held - uint64(now)) & timeMask)
	if ahead > a.depth+second {
		return 0
	}
	return min(ahead, a.depth)
}
