package store

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// importRows yields that many accounts with bcrypt hashes, ordered by user name as
// acme-dns' own database gives them, and every tenth with two values.
func importRows(n int, at int64) iter.Seq2[zone.ImportRow, error] {
	return func(yield func(zone.ImportRow, error) bool) {
		random := rand.New(rand.NewPCG(1, 2))
		for i := range n {
			row := zone.ImportRow{Account: zone.Account{
				Username:  fmt.Sprintf("%08x-0000-4000-8000-%012x", i, random.Uint64()>>16),
				Subdomain: fmt.Sprintf("%08x-%04x-4000-8000-%012x", random.Uint32(), i&0xffff, random.Uint64()>>16),
				Bcrypt:    fmt.Sprintf("$2a$10$%053d", i),
			}}
			if i%10 == 0 {
				row.Values = []zone.Value{{Text: fmt.Sprintf("%043d", 2*i), SetAt: at}, {Text: fmt.Sprintf("%043d", 2*i+1), SetAt: at}}
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

// BenchmarkImport shows what taking over an account costs, by the number of them in
// one transaction. Updates wait for its end.
func BenchmarkImport(b *testing.B) {
	for _, size := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("accounts=%d", size), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				clock := newClock()
				opts := options(b, clock)
				opts.MaxValues = 6
				s := mustOpen(b, opts)
				b.StartTimer()
				importAll(b, s, importRows(size, clock.t.Unix()-60))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/account")
		})
	}
}

func importAll(t testing.TB, s *Store, rows iter.Seq2[zone.ImportRow, error]) zone.ImportResult {
	t.Helper()
	def, err := zone.Define(zone.Spec{Name: "auth.test", TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	var result zone.ImportResult
	do(t, s, one(zone.Import{Rows: rows, Definition: def, Result: &result}))
	return result
}
