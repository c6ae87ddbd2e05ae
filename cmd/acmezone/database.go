package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/config"
	"github.com/acmezone/acmezone/internal/store"
	"github.com/acmezone/acmezone/internal/zone"
)

// serviceLockWait is how long a service waits for a command that works on the
// database.
const serviceLockWait = 5 * time.Second

// openDatabase comes before what is kept beside it: it proves that the folder is fit.
func (s *service) openDatabase(ctx context.Context) (err error) {
	if s.db, err = openStore(ctx, s.cfg, s.definition(), serviceLockWait, s.log); err != nil {
		return err
	}
	return s.refuseConflicts(ctx, s.cfg, s.definition())
}

func openStore(ctx context.Context, cfg *config.Config, def *zone.Definition, wait time.Duration, log *slog.Logger) (*store.Store, error) {
	opts, err := storeOptions(cfg, def, wait, log)
	if err != nil {
		return nil, err
	}
	return store.Open(ctx, opts)
}

func storeOptions(cfg *config.Config, def *zone.Definition, wait time.Duration, log *slog.Logger) (store.Options, error) {
	policy, err := zone.ParseSerialPolicy(cfg.Zone.SerialPolicy)
	if err != nil {
		return store.Options{}, usagef("zone.serial_policy: %w", err)
	}
	return store.Options{
		Path: cfg.Store.Path, Zone: def.Name(), Policy: policy, MaxValues: cfg.Zone.MaxValues, LockWait: wait, Log: log,
	}, nil
}

// refuseConflicts keeps a static record from standing where an account's values
// belong.
func (s *service) refuseConflicts(ctx context.Context, cfg *config.Config, def *zone.Definition) error {
	var names []string
	for _, rr := range def.Static() {
		switch rr.Header().Rrtype {
		case dns.TypeCNAME, dns.TypeDNAME, dns.TypeNS, dns.TypeTXT:
			names = append(names, strings.TrimSuffix(rr.Header().Name, "."+def.Name()))
		}
	}
	taken, err := s.db.Owners(ctx, names)
	if err != nil || len(taken) == 0 {
		return err
	}
	err = fmt.Errorf("zone.records: %s belongs to a registered account: take the record away", def.FullName(taken[0]))
	return usageError{cfg.Locate(err)}
}
