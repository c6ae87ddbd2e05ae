package limit

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"testing"
	"time"
)

// network is the i-th IPv6 /64.
func network(i int) netip.Prefix {
	a := [16]byte{0x20, 1, 0x0d, 0xb8}
	binary.BigEndian.PutUint32(a[4:], uint32(i))
	return Client(netip.AddrFrom16(a))
}

func TestBucketsCountEachKey(t *testing.T) {
	b := NewBuckets[string](Rate{3, time.Minute}, 100)
	now := time.Unix(1e9, 0)
	for range 3 {
		if wait := b.Take("a", now); wait != 0 {
			t.Fatal(wait)
		}
	}
	for _, wait := range []time.Duration{b.Take("a", now), b.Wait("a", now), b.Take("a", now)} {
		if wait.Round(time.Millisecond) != 20*time.Second {
			t.Errorf("wait %v, want 20s", wait)
		}
	}
	if wait := b.Take("b", now); wait != 0 {
		t.Errorf("another key waits %v", wait)
	}
	if wait := b.Wait("c", now); wait != 0 || b.Len() != 2 {
		t.Errorf("an unknown key waits %v, %d are remembered", wait, b.Len())
	}
	now = now.Add(20 * time.Second)
	if wait := b.Take("a", now); wait != 0 {
		t.Errorf("a third of the time later: %v", wait)
	}
	if b.Take("a", now) == 0 {
		t.Error("one has come back, not two")
	}
}

func TestNoRateIsNoLimit(t *testing.T) {
	b := NewBuckets[string](Rate{}, 100)
	for range 1000 {
		if b.Take("a", time.Now()) != 0 || b.Wait("a", time.Now()) != 0 {
			t.Fatal("limited")
		}
	}
	if b.Len() != 0 {
		t.Errorf("%d are remembered", b.Len())
	}
}

// TestStrangersDontFlushAnEmptyBucket: two hundred thousand other networks with an event each leave
// it as it is, and the memory within its bound.
func TestStrangersDontFlushAnEmptyBucket(t *testing.T) {
	const keys = 1 << 12
	b := NewBuckets[netip.Prefix](Rate{100, time.Hour}, keys)
	now := time.Unix(1e9, 0)
	for range 100 {
		b.Take(network(0), now)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 200_000 {
		b.Take(network(1+i), now)
	}
	if b.Take(network(0), now) == 0 {
		t.Error("forgotten")
	}
	if b.Len() > keys {
		t.Errorf("%d are remembered, of %d at the most", b.Len(), keys)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(b)
	each := float64(after.HeapAlloc-before.HeapAlloc) / keys
	t.Logf("%.0f octets each", each)
	if each > 400 {
		t.Errorf("%.0f octets each", each)
	}
}

func BenchmarkTake(b *testing.B) {
	for name, keys := range map[string]int{"known": 1 << 10, "new": 1 << 30} {
		b.Run(name, func(b *testing.B) {
			buckets := NewBuckets[netip.Prefix](Rate{100, time.Hour}, 1<<15)
			now := time.Now()
			for i := 0; b.Loop(); i++ {
				buckets.Take(network(i%keys), now)
			}
		})
	}
}

func TestAnotherRateBeginsAnew(t *testing.T) {
	b, now := NewBuckets[int](Rate{1, time.Hour}, 16), time.Now()
	b.Take(1, now)
	b.SetRate(Rate{1, time.Hour})
	if b.Take(1, now) == 0 {
		t.Error("the same rate forgets what was counted")
	}
	b.SetRate(Rate{2, time.Hour})
	for i, free := range []bool{true, true, false} {
		if wait := b.Take(1, now); (wait == 0) != free {
			t.Errorf("event %d waits %v, of two as the new rate has it", i, wait)
		}
	}
	b.SetRate(Rate{})
	if b.Take(1, now) != 0 {
		t.Error("no rate is no limit")
	}
}
