package publish_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/acmezone/acmezone/internal/publish"
	"github.com/acmezone/acmezone/internal/zone"
)

// counted is an Observer that remembers what it was told.
type counted struct {
	mu  sync.Mutex
	all []string
}

func (c *counted) Committed(changes []zone.Change, errs []error, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, fmt.Sprintf("%d changes, %v, %v", len(changes), errs, took >= 0))
}

func (c *counted) Published(publisher string, _ time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, fmt.Sprintf("%s, %v", publisher, err))
}

// take returns what was told since the last time.
func (c *counted) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	told := c.all
	c.all = nil
	return told
}

func TestObserverIsToldOfBatchesAndRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told, dns := &counted{}, &server{name: "dns"}
		b := startObserved(t, told, dns)
		synctest.Wait()
		if got := fmt.Sprint(told.take()); got != "[dns, <nil>]" {
			t.Errorf("at the start: %v", got)
		}
		b.register("a")
		if got := fmt.Sprint(told.take()); got != "[1 changes, [<nil>], true]" {
			t.Errorf("a registration: %v", got)
		}
		dns.set(errors.New("it is down"), nil)
		b.within(time.Second, true, set("a", "1"))
		if got := told.take(); len(got) < 3 || got[0] != "1 changes, [<nil>], true" || got[1] != "dns, it is down" {
			t.Errorf("an update while it is down: %v", got)
		}
	})
}

func TestStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quick, slow := &server{name: "quick"}, &server{name: "slow"}
		b := start(t, false, 0, quick, slow)
		synctest.Wait()
		b.register("a")
		before := b.Stats()
		slow.set(errors.New("it is down"), nil)
		done := make(chan error, 1)
		go func() { done <- b.within(time.Minute, true, set("a", "1")) }()
		time.Sleep(timeout + time.Second)
		s := b.Stats()
		if s.LiveNames != 1 || s.Waiting != 1 || s.Serial == before.Serial || before.Fault != nil || s.Fault == nil {
			t.Errorf("%+v, before: %+v", s, before)
		}
		want := []publish.PublisherStats{
			{Name: "quick", Ready: true, Serial: s.Serial},
			{Name: "slow", Ready: true, Serial: before.Serial, Behind: timeout + time.Second, Failing: true},
		}
		if fmt.Sprint(s.Publishers) != fmt.Sprint(want) {
			t.Errorf("%+v\nwant %+v", s.Publishers, want)
		}
		slow.set(nil, nil)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestWhoHasGoneIsNotWaitedFor: a commit that comes back late finds that its asker has
// given up.
func TestWhoHasGoneIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &server{name: "dns"}
		b := start(t, true, 0, dns)
		go func() { b.store.gate <- struct{}{} }()
		b.register("a")
		hang := make(chan struct{})
		dns.set(nil, hang)
		if err := b.within(time.Second, true, set("a", "1")); !errors.Is(err, zone.ErrNotStored) {
			t.Errorf("the commit hangs: %v", err)
		}
		close(b.store.gate)
		synctest.Wait()
		if s := b.Stats(); s.LiveNames != 1 || s.Waiting != 0 {
			t.Errorf("%+v", s)
		}
		close(hang)
	})
}
