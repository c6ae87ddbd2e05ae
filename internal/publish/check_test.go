package publish

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// silent is a name server whose check takes until it is ended.
type silent struct{ checks int }

func (s *silent) Name() string                                  { return "silent" }
func (s *silent) Publish(context.Context, *zone.Snapshot) error { return nil }

func (s *silent) Check(ctx context.Context, _ *zone.Snapshot) error {
	s.checks++
	<-ctx.Done()
	return errors.New("it gives no answer")
}

type empty struct{}

func (empty) Commit([]zone.Change) (*zone.Snapshot, []error) { return nil, nil }
func (empty) Snapshot() *zone.Snapshot                       { return new(zone.Snapshot) }

// TestOfferIsNotHeldUpByACheckThatBeginsJustThen has a state offered after the runner has
// found nothing to publish, and before its check can be ended.
func TestOfferIsNotHeldUpByACheckThatBeginsJustThen(t *testing.T) {
	server := &silent{}
	p := New(Options{Store: empty{}, Publishers: []Publisher{server}})
	r := p.runners[0]
	r.offer(p.committed)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if r.lost(ctx, p.committed) || server.checks != 0 || ctx.Err() != nil {
		t.Errorf("%d checks while something waits, %v", server.checks, ctx.Err())
	}
}
