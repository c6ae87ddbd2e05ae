package dnsserve

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		log := slog.New(slog.NewTextHandler(&out, nil))
		ctx, cancel := context.WithCancel(t.Context())
		var b backoff
		began := time.Now()
		for range 20 {
			if !b.wait(ctx, log, "accepting", errors.New("too many open files")) {
				t.Fatal("gives up")
			}
		}
		if took := time.Since(began); took < 10*maxPause || took > 20*maxPause {
			t.Errorf("20 failures take %v", took)
		}
		b.reset()
		began = time.Now()
		b.wait(ctx, log, "accepting", errors.New("too many open files"))
		if took := time.Since(began); took != firstPause {
			t.Errorf("after a success the first pause is %v", took)
		}
		if n := strings.Count(out.String(), "level=WARN"); n != 2 {
			t.Errorf("two rows of failures are logged %d times", n)
		}
		cancel()
		if b.wait(ctx, log, "accepting", errors.New("any")) {
			t.Error("goes on after the end")
		}
	})
}
