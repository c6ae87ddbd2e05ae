package main

import (
	"context"
	"io"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
	"github.com/acmezone/acmezone/internal/zonegen"
)

// What the admin socket offers (api.Admin), done by the running service.

// AddToken stores a registration token.
func (s *service) AddToken(ctx context.Context, token zone.Token) error {
	return s.commit(ctx, zone.CreateToken{Token: token})
}

// Tokens returns the tokens without their secrets.
func (s *service) Tokens(ctx context.Context) ([]zone.Token, error) { return withoutSecrets(ctx, s.db) }

// RevokeToken removes a token.
func (s *service) RevokeToken(ctx context.Context, id string) error {
	return s.commit(ctx, zone.RevokeToken{ID: id})
}

// commit waits until a change is durable, even if its asker has gone.
func (s *service) commit(ctx context.Context, change zone.Change) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(s.cfg.Publish.Timeout))
	defer cancel()
	return s.pipeline.Commit(ctx, change)
}

// WriteZone writes the zone file of what is durable.
func (s *service) WriteZone(_ context.Context, w io.Writer) error {
	return s.writeZone(w, s.pipeline.Snapshot())
}

// writeZone writes the zone file of a snapshot, with the operator's own header.
func (s *service) writeZone(w io.Writer, snap *zone.Snapshot) error {
	return zonegen.WriteWith(w, s.templates.Current(), s.def, snap)
}
