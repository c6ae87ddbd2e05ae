package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"

	"github.com/acmezone/acmezone/internal/config"
	"github.com/acmezone/acmezone/internal/zone"
	"github.com/acmezone/acmezone/internal/zonegen"
)

// askedBriefly asks the service, or the database where none runs, one thing at a time.
// The database isn't kept open meanwhile: a service that starts would wait for it.
type askedBriefly struct {
	cfg *config.Config
	def *zone.Definition
	one chan struct{} // holds one at a time
}

func (a *askedBriefly) ask(ctx context.Context, do func(control) error) error {
	// A check makes no database.
	if _, err := os.Stat(a.cfg.Store.Path); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no database %s yet", a.cfg.Store.Path)
	}
	select {
	case a.one <- struct{}{}:
		defer func() { <-a.one }()
	case <-ctx.Done():
		return ctx.Err()
	}
	ctl, err := openControl(ctx, a.cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return errors.Join(do(ctl), ctl.Close())
}

func (a *askedBriefly) FindAccount(ctx context.Context, name string) (account zone.Account, err error) {
	err = a.ask(ctx, func(ctl control) error { account, err = ctl.FindAccount(ctx, name); return err })
	return account, err
}

func (a *askedBriefly) Accounts(ctx context.Context, filter zone.AccountFilter) (page []zone.Account, err error) {
	err = a.ask(ctx, func(ctl control) error { page, err = ctl.Accounts(ctx, filter); return err })
	return page, err
}

// certificate asks the service how its certificate is.
func (a *askedBriefly) certificate(ctx context.Context) (status zone.CertificateStatus, err error) {
	err = a.ask(ctx, func(ctl control) error { status, err = ctl.Certificate(ctx); return err })
	return status, err
}

// serial reads no more of the zone than its first record.
func (a *askedBriefly) serial(ctx context.Context) (serial zone.Serial, err error) {
	err = a.ask(ctx, func(ctl control) error {
		r, w := io.Pipe()
		var writing sync.WaitGroup
		writing.Go(func() { w.CloseWithError(ctl.WriteZone(ctx, w)) })
		serial, err = zonegen.ReadSerial(r, a.def.Name())
		r.Close() // ends the writing
		writing.Wait()
		return err
	})
	return serial, err
}
