package publish_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/acmezone/acmezone/internal/publish"
	"github.com/acmezone/acmezone/internal/store"
	"github.com/acmezone/acmezone/internal/zone"
)

// BenchmarkPublish is an update without HTTP: queue, commit, publication, by how
// many ask at once.
func BenchmarkPublish(b *testing.B) {
	for _, clients := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) { benchPublish(b, clients) })
	}
}

func benchPublish(b *testing.B, clients int) {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	db, err := store.Open(b.Context(), store.Options{
		Path: filepath.Join(b.TempDir(), "acmezone.db"), Zone: "auth.test.", Policy: zone.SerialUnixTime, MaxValues: 6, Log: log,
	})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for i := range 1000 {
		db.Commit([]zone.Change{zone.Register{Account: account(fmt.Sprint(i))}})
	}
	p := publish.New(publish.Options{Store: db, Publishers: []publish.Publisher{&server{name: "dns"}}, Timeout: timeout, Log: log})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	b.ResetTimer()
	var next atomic.Int64
	var asking sync.WaitGroup
	for range clients {
		asking.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				ctx, cancel := context.WithTimeout(context.Background(), timeout)
				if err := p.Publish(ctx, set(fmt.Sprint(i%1000), fmt.Sprintf("%043d", i))); err != nil {
					b.Error(err)
				}
				cancel()
			}
		})
	}
	asking.Wait()
	b.StopTimer()
	cancel()
	if err := <-ended; err != nil {
		b.Error(err)
	}
}
