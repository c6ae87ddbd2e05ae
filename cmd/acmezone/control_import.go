package main

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// importTime bounds how long a running service takes for an import; the transaction
// itself ends sooner.
const importTime = 10 * time.Minute

// importChange is the change that takes rows over into a zone whose values live that
// long, 0 for ever.
func importChange(def *zone.Definition, lifetime time.Duration, rows iter.Seq2[zone.ImportRow, error], dryRun bool) (zone.Import, *zone.ImportResult) {
	result := new(zone.ImportResult)
	change := zone.Import{Rows: rows, Definition: def, DryRun: dryRun, Result: result}
	if lifetime > 0 {
		change.OlderThan = time.Now().Add(-lifetime)
	}
	return change, result
}

// Import takes accounts over, even if its asker has gone.
func (s *service) Import(ctx context.Context, rows iter.Seq2[zone.ImportRow, error], dryRun bool) (zone.ImportResult, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), importTime)
	defer cancel()
	s.importing.Add(1)
	defer s.importing.Add(-1)
	now := s.inForce.Load()
	change, result := importChange(now.def, time.Duration(now.cfg.Zone.ValueLifetime), rows, dryRun)
	if err := s.pipeline.Commit(ctx, change); err != nil {
		return zone.ImportResult{}, err // the result may still be in somebody's hands
	}
	return *result, nil
}

// Backup writes a copy of the database.
func (s *service) Backup(ctx context.Context, w io.Writer) error { return s.db.Backup(ctx, w) }

func (l *local) Import(_ context.Context, rows iter.Seq2[zone.ImportRow, error], dryRun bool) (zone.ImportResult, error) {
	change, result := importChange(l.def, l.lifetime, rows, dryRun)
	if err := l.commit(change); err != nil {
		return zone.ImportResult{}, err
	}
	return *result, nil
}

func (l *local) Backup(ctx context.Context, w io.Writer) error { return l.db.Backup(ctx, w) }
