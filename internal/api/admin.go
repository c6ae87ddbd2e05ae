package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/acmezone/acmezone/internal/zone"
)

// Admin is what an operator may do, whichever way the command line takes.
type Admin interface {
	// Do makes a change durable. A value that is set or removed is waited for until
	// every name server answers accordingly.
	Do(ctx context.Context, change zone.Change) error
	// Tokens returns the tokens without their secrets.
	Tokens(ctx context.Context) ([]zone.Token, error)
	// Accounts returns a page of the accounts that the filter means, without their
	// secrets, by user name; a page that isn't full is the last one.
	Accounts(ctx context.Context, filter zone.AccountFilter) ([]zone.Account, error)
	// FindAccount returns the account of a domain, user name, subdomain or full name,
	// without its secrets, or zone.ErrNoAccount.
	FindAccount(ctx context.Context, name string) (zone.Account, error)
	// Values returns the values that an owner has, oldest first, none where it has none.
	Values(ctx context.Context, owner string) ([]zone.Value, error)
	// Certificate says how the API's own certificate is.
	Certificate(ctx context.Context) (zone.CertificateStatus, error)
	// WriteZone writes the zone file of what is durable.
	WriteZone(ctx context.Context, w io.Writer) error
	// Import takes accounts over, all of them or none; with dryRun it changes nothing.
	Import(ctx context.Context, rows iter.Seq2[zone.ImportRow, error], dryRun bool) (zone.ImportResult, error)
	// Backup writes a copy of the database.
	Backup(ctx context.Context, w io.Writer) error
}

// NewAdmin returns the admin API. It asks for no password: who can open the
// socket that it is served on is an operator.
func NewAdmin(admin Admin, log *slog.Logger) http.Handler {
	a := &adminHandler{admin, log}
	r := chi.NewRouter()
	r.NotFound(func(w http.ResponseWriter, _ *http.Request) { writeError(w, errNotFound) })
	r.MethodNotAllowed(func(w http.ResponseWriter, _ *http.Request) { writeError(w, errMethod) })
	r.Post("/changes/{kind}", a.answer(a.change))
	r.Get("/tokens", a.answer(a.listTokens))
	r.Post("/accounts", a.answer(a.listAccounts))
	r.Get("/account", a.answer(a.findAccount))
	r.Get("/values", a.answer(a.listValues))
	r.Get("/certificate", a.answer(a.certificate))
	r.Get("/zone", a.answer(a.zone))
	r.Post("/import", a.answer(a.importRows))
	r.Get("/backup", a.answer(a.backup))
	return recovered(log, r)
}

type adminHandler struct {
	admin Admin
	log   *slog.Logger
}

// answer tells an operator the whole error: there are no strangers here. What was wrong
// with the question, "no such account" for one, matters to nobody else.
func (a *adminHandler) answer(do func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := do(w, r); err != nil {
			level := slog.LevelWarn
			if status, _ := statusOf(err); status < http.StatusInternalServerError {
				level = slog.LevelDebug
			}
			a.log.Log(r.Context(), level, "admin request failed", "method", r.Method, "path", r.URL.Path, "err", err)
			writeReason(w, err, err.Error())
		}
	}
}

func (a *adminHandler) change(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	kind := chi.URLParam(r, "kind")
	change, err := zone.DecodeChange(kind, body)
	if err != nil {
		return fmt.Errorf("%w: %w", errMalformed, err)
	}
	if err := a.admin.Do(r.Context(), change); err != nil {
		return err
	}
	a.log.Info("an operator's change", append([]any{"kind", kind}, described(change)...)...)
	writeJSON(w, http.StatusOK, []byte("{}"))
	return nil
}

// described says of a change what may stand in a log.
func described(change zone.Change) []any {
	switch c := change.(type) {
	case zone.Register:
		return []any{"account", c.Account.Username, "domains", c.Account.Domains}
	case zone.BindDomain:
		return []any{"account", c.Username, "domain", c.Domain}
	case zone.UnbindDomain:
		return []any{"domain", c.Domain}
	case zone.RotatePassword:
		return []any{"account", c.Username}
	case zone.RemoveAccount:
		return []any{"account", c.Username}
	case zone.SetValue:
		return []any{"account", c.Account, "owner", c.Owner}
	case zone.RemoveValue:
		return []any{"owner", c.Owner}
	case zone.CreateToken:
		return []any{"token", c.Token.ID, "uses", c.Token.Uses, "domains", c.Token.Domains, "comment", c.Token.Comment}
	case zone.RevokeToken:
		return []any{"token", c.ID, "accounts", c.Accounts}
	}
	return nil
}

func (a *adminHandler) listTokens(w http.ResponseWriter, r *http.Request) error {
	tokens, err := a.admin.Tokens(r.Context())
	return answerWith(w, tokens, err)
}

func (a *adminHandler) listAccounts(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	var filter zone.AccountFilter
	if err := unmarshalObject(body, &filter); err != nil {
		return err
	}
	accounts, err := a.admin.Accounts(r.Context(), filter)
	return answerWith(w, accounts, err)
}

func (a *adminHandler) findAccount(w http.ResponseWriter, r *http.Request) error {
	account, err := a.admin.FindAccount(r.Context(), r.URL.Query().Get("name"))
	return answerWith(w, account, err)
}

func (a *adminHandler) listValues(w http.ResponseWriter, r *http.Request) error {
	values, err := a.admin.Values(r.Context(), r.URL.Query().Get("owner"))
	return answerWith(w, values, err)
}

func (a *adminHandler) certificate(w http.ResponseWriter, r *http.Request) error {
	status, err := a.admin.Certificate(r.Context())
	return answerWith(w, status, err)
}

func answerWith(w http.ResponseWriter, what any, err error) error {
	if err != nil {
		return err
	}
	body, err := json.Marshal(what)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, body)
	return nil
}

// zone answers a dump. An error in its middle cuts the connection, so that nobody
// takes what came for the whole.
func (a *adminHandler) zone(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Type", "text/dns") // RFC 4027
	if err := a.admin.WriteZone(r.Context(), w); err != nil {
		a.log.Warn("a zone dump was cut off", "err", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}
