package zonegen

import (
	"fmt"
	"io"
	"testing"

	"github.com/acmezone/acmezone/internal/zone"
)

// BenchmarkWrite renders zones of some sizes.
func BenchmarkWrite(b *testing.B) {
	for _, names := range []int{100, 10_000, 1_000_000} {
		b.Run(fmt.Sprintf("names=%d", names), func(b *testing.B) {
			edit := zone.NewSnapshot(1, 0).Edit()
			for i := range names {
				edit.Set(fmt.Sprintf("%08x-0000-4000-8000-%012x", uint32(i)*2654435761, i), fmt.Sprintf("%043d", i), 0, 6)
			}
			snap, _ := edit.Finish(2)
			def := definition(b)
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				if err := Write(io.Discard, def, snap); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(names), "ns/name")
		})
	}
}
