package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/acmezone/acmezone/internal/api"
	"github.com/acmezone/acmezone/internal/audit"
	"github.com/acmezone/acmezone/internal/client"
	"github.com/acmezone/acmezone/internal/config"
	"github.com/acmezone/acmezone/internal/store"
	"github.com/acmezone/acmezone/internal/zone"
	"github.com/acmezone/acmezone/internal/zonegen"
	"github.com/acmezone/acmezone/templates"
)

// cliLockWait is how long a command waits for another command to let go of the
// database.
const cliLockWait = 3 * time.Second

// control is what a command works with: a running service, or the database where
// none runs. Both give the same result.
type control interface {
	api.Admin
	io.Closer
}

// openControl asks the service at the admin socket. Only where there is none, no
// socket or nobody behind it, is the database opened itself; a socket that may not
// be used is an error, since two ways at once would be one too many.
func openControl(ctx context.Context, cfg *config.Config, log *slog.Logger) (control, error) {
	service, err := client.Dial(ctx, cfg.Admin.Socket, time.Duration(cfg.Publish.Timeout))
	switch {
	case err == nil:
		return service, nil
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ECONNREFUSED):
		return openLocal(ctx, cfg, log)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("the admin socket %s may not be used by this user: run the command as the service's user or as root", cfg.Admin.Socket)
	}
	return nil, fmt.Errorf("the admin socket %s: %w", cfg.Admin.Socket, err)
}

// withControl gives a command the running service or the database; or, where the
// command has the flag and it is set, the service of --server.
func withControl(c *cli.Context, s surroundings, do func(control) error) error {
	ctl, err := controlOf(c, s)
	if err != nil {
		return err
	}
	return errors.Join(do(ctl), ctl.Close())
}

func controlOf(c *cli.Context, s surroundings) (control, error) {
	remote, err := remoteOf(c, s)
	if err != nil {
		return nil, err
	}
	if remote != nil {
		return remote, nil
	}
	cfg, log, err := loadConfig(c, s)
	if err != nil {
		return nil, err
	}
	return openControl(c.Context, cfg, log)
}

// local works on the database of a service that doesn't run.
type local struct {
	def       *zone.Definition
	db        *store.Store
	templates *templates.Source
	lifetime  time.Duration // of a value
}

func openLocal(ctx context.Context, cfg *config.Config, log *slog.Logger) (control, error) {
	def, err := define(cfg)
	if err != nil {
		return nil, err
	}
	db, err := openStore(ctx, cfg, def, cliLockWait, log)
	if err != nil {
		return nil, err
	}
	l := &local{def, db, templateSource(cfg, log), time.Duration(cfg.Zone.ValueLifetime)}
	return &auditedLocal{local: l, open: func() (*audit.Log, error) { return openAudit(cfg, log) }}, nil
}

func (l *local) commit(change zone.Change) error {
	_, errs := l.db.Commit([]zone.Change{change})
	return errs[0]
}

func (l *local) Do(_ context.Context, change zone.Change) error {
	switch change.(type) {
	case zone.SetValue, zone.RemoveValue:
		return errNotRunning
	}
	return l.commit(change)
}

// errNotRunning: a value that nobody answers would be a false promise.
var errNotRunning = errors.New("no service runs here that would answer the value: start it with 'acmezone serve'")

func (l *local) Tokens(ctx context.Context) ([]zone.Token, error) {
	return withoutSecrets(l.db.Tokens(ctx))
}

func (l *local) Accounts(ctx context.Context, filter zone.AccountFilter) ([]zone.Account, error) {
	accounts, err := l.db.Accounts(ctx, filter)
	return shown(l.def, accounts), err
}

func (l *local) FindAccount(ctx context.Context, name string) (zone.Account, error) {
	a, err := l.db.FindAccount(ctx, name)
	return a.Shown(l.def), err
}

func (l *local) Values(_ context.Context, owner string) ([]zone.Value, error) {
	return l.db.Snapshot().Values(owner), nil
}

func (l *local) Certificate(context.Context) (zone.CertificateStatus, error) {
	return zone.CertificateStatus{}, errors.New("no service runs here that would look after the certificate: start it with 'acmezone serve'")
}

func (l *local) WriteZone(_ context.Context, w io.Writer) error {
	return zonegen.WriteWith(w, l.templates.Current(), l.def, l.db.Snapshot())
}

func (l *local) Close() error { return l.db.Close() }

func withoutSecrets(tokens []zone.Token, err error) ([]zone.Token, error) {
	for i := range tokens {
		tokens[i].Secret = zone.Secret{}
	}
	return tokens, err
}

func shown(def *zone.Definition, accounts []zone.Account) []zone.Account {
	for i := range accounts {
		accounts[i] = accounts[i].Shown(def)
	}
	return accounts
}
