package main

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/acmezone/acmezone/internal/api"
	"github.com/acmezone/acmezone/internal/audit"
	"github.com/acmezone/acmezone/internal/zone"
)

// auditedLocal has the audit log told of what a command changes in the database. The log
// is opened before the first change, and a change is not made if it can't be: commands
// that only look need no right to write it.
type auditedLocal struct {
	*local
	open func() (*audit.Log, error)
	log  *audit.Log
}

func (a *auditedLocal) audited() (api.Admin, error) {
	if a.log == nil {
		var err error
		if a.log, err = a.open(); err != nil {
			return nil, err
		}
	}
	return api.Audited(a.local, a.log, audit.ViaDatabase), nil
}

func (a *auditedLocal) Do(ctx context.Context, change zone.Change) error {
	admin, err := a.audited()
	if err != nil {
		return err
	}
	return admin.Do(ctx, change)
}

func (a *auditedLocal) Import(ctx context.Context, rows iter.Seq2[zone.ImportRow, error], dryRun bool) (zone.ImportResult, error) {
	if dryRun {
		return a.local.Import(ctx, rows, dryRun)
	}
	admin, err := a.audited()
	if err != nil {
		return zone.ImportResult{}, err
	}
	return admin.Import(ctx, rows, dryRun)
}

func (a *auditedLocal) Backup(ctx context.Context, w io.Writer) error {
	admin, err := a.audited()
	if err != nil {
		return err
	}
	return admin.Backup(ctx, w)
}

func (a *auditedLocal) Close() error { return errors.Join(a.log.Close(), a.local.Close()) }
