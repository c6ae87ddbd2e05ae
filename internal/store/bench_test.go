package store

import (
	"fmt"
	"testing"

	"github.com/acmezone/acmezone/internal/zone"
)

// BenchmarkCommit shows what one durable transaction costs, by the number of
// updates that have gathered in it; ns/op is per update.
func BenchmarkCommit(b *testing.B) {
	for _, size := range []int{1, 8, 64, 512} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			opts := options(b, newClock())
			opts.MaxValues = 6
			s := mustOpen(b, opts)
			var accounts []zone.Change
			for i := range 1000 {
				accounts = append(accounts, zone.Register{Account: account(fmt.Sprint(i))})
			}
			do(b, s, accounts)
			b.ResetTimer()
			for i := 0; i < b.N; i += size {
				var batch []zone.Change
				for j := range min(size, b.N-i) {
					batch = append(batch, set(fmt.Sprint((i+j)%1000), fmt.Sprintf("%043d", i+j)))
				}
				do(b, s, batch)
			}
		})
	}
}
