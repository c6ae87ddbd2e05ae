package publish_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

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
