package cert

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/mholt/acmez/v3/acme"
)

// TestResolversHaveTheTimeOfNow: a reload may change how long they remember.
func TestResolversHaveTheTimeOfNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ttl time.Duration
		s := &solver{forget: func() time.Duration { return ttl }}
		for of, want := range map[time.Duration]time.Duration{time.Second: time.Second, 30 * time.Second: 30 * time.Second, time.Hour: longestForget} {
			ttl = of
			began := time.Now()
			if err := s.Wait(t.Context(), acme.Challenge{}); err != nil || time.Since(began) != want {
				t.Errorf("%v: %v, %v", of, time.Since(began), err)
			}
		}
	})
}
