package store

import (
	"context"
	"fmt"
	"testing"

	"github.com/acmezone/acmezone/internal/zone"
)

// BenchmarkLogin shows what looking an account up for an update costs when it isn't
// remembered.
func BenchmarkLogin(b *testing.B) {
	s := mustOpen(b, options(b, newClock()))
	var accounts []zone.Change
	for i := range 1000 {
		accounts = append(accounts, zone.Register{Account: account(fmt.Sprint(i))})
	}
	do(b, s, accounts)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		clear(s.cache.accounts)
		if _, err := s.Account(context.Background(), fmt.Sprint("user-", i%1000)); err != nil {
			b.Fatal(err)
		}
	}
}
