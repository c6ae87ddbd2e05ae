package limit

import (
	"hash/maphash"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Rate is how many events there may be in a time: as many at once, and they come back
// evenly. The zero value is no limit.
type Rate struct {
	Events int
	Per    time.Duration
}

const (
	// shards have a lock each, so that clients hardly wait for one another.
	shards = 16
	// sampled is among how many a bucket is looked for whose place a new one takes.
	sampled = 8
)

// Buckets count the events of each key, in bounded memory: when all places are taken,
// the fullest of a few gives way to a new one. A full bucket says nothing, so nothing is
// lost; and whoever wants somebody's empty bucket forgotten must first empty as many
// others, since those that have hardly been drawn from go before it. Any number of
// goroutines may use them.
type Buckets[K comparable] struct {
	rate   atomic.Pointer[Rate] // never nil
	places int                  // of a shard
	seed   maphash.Seed
	shards [shards]shard[K]
}

// NewBuckets returns buckets for that many keys, all full.
func NewBuckets[K comparable](r Rate, keys int) *Buckets[K] {
	b := &Buckets[K]{places: max(1, keys/shards), seed: maphash.MakeSeed()}
	b.rate.Store(&r)
	return b
}

// SetRate has another rate count from now on. If it differs, all buckets are full again.
func (b *Buckets[K]) SetRate(r Rate) {
	if *b.rate.Load() == r {
		return
	}
	b.rate.Store(&r)
	for i := range b.shards {
		s := &b.shards[i]
		s.mu.Lock()
		s.index, s.buckets = nil, nil
		s.mu.Unlock()
	}
}

// Take counts an event of a key. It returns 0, or, where there have been too many, how
// long it is until there may be one; then it isn't counted.
func (b *Buckets[K]) Take(key K, now time.Time) (wait time.Duration) {
	s := b.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	rate := *b.rate.Load() // under the lock: SetRate empties the shard when it has stored another
	if rate.Events == 0 {
		return 0
	}
	r := s.bucket(key, b.places, rate, now).ReserveN(now, 1)
	if wait = r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// Wait returns what Take would, and counts nothing.
func (b *Buckets[K]) Wait(key K, now time.Time) time.Duration {
	if b.rate.Load().Events == 0 {
		return 0
	}
	s := b.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	i, known := s.index[key]
	if !known {
		return 0
	}
	missing := 1 - s.buckets[i].TokensAt(now)
	return time.Duration(max(0, missing) / float64(s.buckets[i].Limit()) * float64(time.Second))
}

func (b *Buckets[K]) shard(key K) *shard[K] {
	return &b.shards[maphash.Comparable(b.seed, key)%shards]
}

// Len returns how many keys are remembered.
func (b *Buckets[K]) Len() (n int) {
	for i := range b.shards {
		s := &b.shards[i]
		s.mu.Lock()
		n += len(s.buckets)
		s.mu.Unlock()
	}
	return n
}

type shard[K comparable] struct {
	mu      sync.Mutex
	index   map[K]int // place in buckets
	buckets []bucket[K]
}

type bucket[K comparable] struct {
	key K
	*rate.Limiter
}

// bucket returns that of a key; a new one is full.
func (s *shard[K]) bucket(key K, places int, r Rate, now time.Time) *rate.Limiter {
	if i, known := s.index[key]; known {
		return s.buckets[i].Limiter
	}
	if s.index == nil {
		s.index = make(map[K]int)
	}
	fresh := bucket[K]{key, rate.NewLimiter(rate.Limit(float64(r.Events)/r.Per.Seconds()), r.Events)}
	place := len(s.buckets)
	if place < places {
		s.buckets = append(s.buckets, fresh)
	} else {
		place = s.fullest(now)
		delete(s.index, s.buckets[place].key)
		s.buckets[place] = fresh
	}
	s.index[key] = place
	return fresh.Limiter
}

// fullest returns the place of the fullest of a few buckets.
func (s *shard[K]) fullest(now time.Time) int {
	best, most := 0, -1.0
	for range sampled {
		i := rand.IntN(len(s.buckets))
		if tokens := s.buckets[i].TokensAt(now); tokens > most {
			best, most = i, tokens
		}
	}
	return best
}
