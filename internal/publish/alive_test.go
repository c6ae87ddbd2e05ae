package publish_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/acmezone/acmezone/internal/publish"
	"github.com/acmezone/acmezone/internal/zone"
)

func (b *bed) alive(within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	return b.Alive(ctx)
}

// TestAliveMeansTheCommitterNotTheDisk: a disk that is full is not mended by a restart,
// a commit that never ends may be.
func TestAliveMeansTheCommitterNotTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, true, 0, &server{name: "dns"})
		defer b.stop()
		if err := b.alive(time.Second); err == nil {
			t.Error("alive while a commit doesn't end")
		}
		close(b.store.gate)
		if err := b.alive(time.Second); err != nil {
			t.Error(err)
		}
		b.store.setFail(fmt.Errorf("%w: the disk is full", zone.ErrNotStored))
		if err := b.alive(time.Second); err != nil {
			t.Errorf("a full disk: %v", err)
		}
		b.store.setFail(nil)
	})
}

// TestAliveWhileOthersAreServed: a committer that is at work on what came before is alive,
// however long it takes until the heartbeat's turn.
func TestAliveWhileOthersAreServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, true, 0, &server{name: "dns"})
		defer b.stop()
		other, alive := make(chan error, 1), make(chan error, 1)
		go func() { other <- b.Commit(context.Background(), zone.Heartbeat{}) }()
		synctest.Wait() // it is at the gate
		go func() { alive <- b.alive(time.Second) }()
		synctest.Wait()
		b.store.gate <- struct{}{}
		if err := <-alive; err != nil {
			t.Error(err)
		}
		close(b.store.gate)
		if err := <-other; err != nil {
			t.Error(err)
		}
	})
}

// TestReachedIsWhatIsAnswered of each publisher.
func TestReachedIsWhatIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, false, 0, &server{name: "dns"})
		defer b.stop()
		synctest.Wait()
		if serial, ok := b.Reached("dns"); !ok || serial != b.Snapshot().Serial() {
			t.Errorf("%d, %t", serial, ok)
		}
		if _, ok := b.Reached("nobody"); ok {
			t.Error("a publisher that there isn't")
		}
	})
}

// TestCommitThenComesBeforeThePublishers: what a serial is shown with is settled when the
// first of them is given it.
func TestCommitThenComesBeforeThePublishers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, false, 0, &server{name: "dns"})
		defer b.stop()
		synctest.Wait()
		before := b.Snapshot().Serial()
		var at zone.Serial
		var durable *zone.Snapshot
		err := b.CommitThen(t.Context(), zone.Redefine{}, func(s *zone.Snapshot) { durable = s; at, _ = b.Reached("dns") })
		if err != nil || at != before || durable.Serial() == before {
			t.Errorf("%v; the publisher had reached %d, before %d, durable is %d", err, at, before, durable.Serial())
		}
		synctest.Wait()
		if now, _ := b.Reached("dns"); now != durable.Serial() {
			t.Error("the new serial isn't published")
		}
	})
}

// TestCommitThenIsNotDoneAfterItsError: who was told that it failed must not be surprised
// by it later.
func TestCommitThenIsNotDoneAfterItsError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, true, 0, &server{name: "dns"})
		defer b.stop()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		done := false
		if err := b.CommitThen(ctx, zone.Heartbeat{}, func(*zone.Snapshot) { done = true }); err == nil {
			t.Error("no error while the commit hangs")
		}
		close(b.store.gate)
		synctest.Wait()
		if done {
			t.Error("done although it failed")
		}
	})
}

// TestReboundLifetimeTakesHoldAtOnce for values that are there already.
func TestReboundLifetimeTakesHoldAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, false, 0, &server{name: "dns"})
		defer b.stop()
		b.register("a")
		if err := b.within(timeout, true, set("a", "x")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		b.Rebound(publish.Bounds{Timeout: timeout, Lifetime: time.Minute})
		synctest.Wait()
		if b.Snapshot().Len() != 0 {
			t.Error("a value outlives the new lifetime")
		}
	})
}
