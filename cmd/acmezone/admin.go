package main

import (
	"context"
	"io"

	"github.com/acmezone/acmezone/internal/zone"
	"github.com/acmezone/acmezone/internal/zonegen"
)

// What the admin socket offers (api.Admin), done by the running service.

// Do makes a change durable, even if its asker has gone; a value that is set or
// removed is waited for until every name server answers accordingly.
func (s *service) Do(ctx context.Context, change zone.Change) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timeout())
	defer cancel()
	switch change.(type) {
	case zone.SetValue, zone.RemoveValue:
		return s.pipeline.Publish(ctx, change)
	}
	return s.pipeline.Commit(ctx, change)
}

// Tokens returns the tokens without their secrets.
func (s *service) Tokens(ctx context.Context) ([]zone.Token, error) {
	return withoutSecrets(s.db.Tokens(ctx))
}

// Accounts returns a page of the accounts that the filter means, without their secrets.
func (s *service) Accounts(ctx context.Context, filter zone.AccountFilter) ([]zone.Account, error) {
	accounts, err := s.db.Accounts(ctx, filter)
	return shown(s.definition(), accounts), err
}

// FindAccount returns the account that an operator means, without its secrets.
func (s *service) FindAccount(ctx context.Context, name string) (zone.Account, error) {
	a, err := s.db.FindAccount(ctx, name)
	return a.Shown(s.definition()), err
}

// Values returns the values that an owner has.
func (s *service) Values(_ context.Context, owner string) ([]zone.Value, error) {
	return s.pipeline.Snapshot().Values(owner), nil
}

// WriteZone writes the zone file of what is durable.
func (s *service) WriteZone(_ context.Context, w io.Writer) error {
	return s.writeZone(w, s.pipeline.Snapshot())
}

// writeZone writes the zone file of a snapshot, with the operator's own header.
func (s *service) writeZone(w io.Writer, snap *zone.Snapshot) error {
	return zonegen.WriteWith(w, s.templates.Current(), s.definitionOf(snap), snap)
}
