package watch

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestABurstEndsWhenItIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, start := newBurst(), time.Now()
		b.add()
		<-time.After(settle / 2)
		b.add()
		<-b.timer.C
		if took := time.Since(start); took != settle*3/2 {
			t.Error(took)
		}
	})
}

func TestABurstEndsThoughItIsNeverQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBurst()
		for range 3 {
			start := time.Now()
			for over := false; !over; {
				b.add()
				select {
				case <-b.timer.C:
					over = true
				case <-time.After(settle * 3 / 10):
				}
			}
			if took := time.Since(start); took != patience {
				t.Error(took)
			}
			b.end()
		}
	})
}
