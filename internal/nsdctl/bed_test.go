package nsdctl

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/logtest"
	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
	"github.com/acmezone/acmezone/internal/zone"
	"github.com/acmezone/acmezone/internal/zonegen"
)

// apex is the zone of the tests.
const apex = "auth.example.org"

// enough is how long anything may take on a busy machine.
const enough = time.Minute

// authZone is NSD's zone: clause for it; the file is acmezone's to write.
func authZone() []nsdtest.Zone { return []nsdtest.Zone{{Name: apex, File: apex + ".zone"}} }

func definition(t testing.TB, records ...string) *zone.Definition {
	t.Helper()
	def, err := zone.Define(zone.Spec{
		Name: apex, Records: append([]string{"@ A 198.51.100.1"}, records...),
		TTL: time.Hour, ChallengeTTL: time.Second, NegativeTTL: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	return def
}

// writer stands for everything before the publishers: it makes snapshots, one after
// the other, and has them published.
type writer struct {
	t      testing.TB
	def    *zone.Definition
	nsd    *NSD
	others *Others
	log    *logtest.Buffer

	mu   sync.Mutex
	snap *zone.Snapshot
}

// newWriter begins at that serial.
func newWriter(t testing.TB, server *nsdtest.Server, serial zone.Serial, change ...func(*Options)) *writer {
	t.Helper()
	w := &writer{t: t, def: definition(t), snap: zone.NewSnapshot(serial, 0), log: new(logtest.Buffer)}
	opts := Options{
		Config: server.Config, SkipSilent: true, Newest: func() zone.Serial { return w.current().Serial() },
		Raise: w.raise, Log: slog.New(slog.NewTextHandler(w.log, nil)),
	}
	for _, c := range change {
		c(&opts)
	}
	if opts.Definition == nil {
		opts.Definition = w.def
	}
	opts.Write = func(out io.Writer, snap *zone.Snapshot) error { return zonegen.Write(out, opts.Definition, snap) }
	w.nsd, w.others = New(opts)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("logged:\n%s", w.log)
		}
	})
	return w
}

func (w *writer) current() *zone.Snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.snap
}

func (w *writer) raise(_ context.Context, above zone.Serial) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.snap, _ = w.snap.Edit().Finish(above + 1)
	return nil
}

// set makes the next snapshot.
func (w *writer) set(owner, text string) *zone.Snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	edit := w.snap.Edit()
	edit.Set(owner, text, 0, 1)
	w.snap, _ = edit.Finish(w.snap.Serial() + 1)
	return w.snap
}

// publish publishes the newest snapshot everywhere, once.
func (w *writer) publish() error {
	ctx, cancel := context.WithTimeout(context.Background(), enough)
	defer cancel()
	snap := w.current()
	if err := w.nsd.Publish(ctx, snap); err != nil {
		return err
	}
	return w.others.Publish(ctx, snap)
}

func (w *writer) mustPublish() {
	w.t.Helper()
	if err := w.publish(); err != nil {
		w.t.Fatal(err)
	}
}

// text is the n-th of many values.
func text(n int) string { return fmt.Sprintf("%043d", n) }

func zonePath(s *nsdtest.Server) string { return filepath.Join(s.Dir, apex+".zone") }
