package api

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/acmezone/acmezone/internal/zone"
)

// Admin is what an operator may do, whichever way the command line takes.
type Admin interface {
	AddToken(ctx context.Context, token zone.Token) error
	// Tokens returns the tokens without their secrets.
	Tokens(ctx context.Context) ([]zone.Token, error)
	// RevokeToken returns zone.ErrToken if there is no such token.
	RevokeToken(ctx context.Context, id string) error
	// WriteZone writes the zone file of what is durable.
	WriteZone(ctx context.Context, w io.Writer) error
}

// NewAdmin returns the admin API. It asks for no password: who can open the
// socket that it is served on is an operator.
func NewAdmin(admin Admin, log *slog.Logger) http.Handler {
	a := &adminHandler{admin, log}
	r := chi.NewRouter()
	r.NotFound(func(w http.ResponseWriter, _ *http.Request) { writeError(w, errNotFound) })
	r.Post("/tokens", a.answer(a.addToken))
	r.Get("/tokens", a.answer(a.listTokens))
	r.Delete("/tokens/{id}", a.answer(a.revokeToken))
	r.Get("/zone", a.answer(a.zone))
	return r
}

type adminHandler struct {
	admin Admin
	log   *slog.Logger
}

// answer tells an operator the whole error: there are no strangers here.
func (a *adminHandler) answer(do func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := do(w, r); err != nil {
			a.log.Warn("admin request failed", "method", r.Method, "path", r.URL.Path, "err", err)
			writeReason(w, err, err.Error())
		}
	}
}

func (a *adminHandler) addToken(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	var token zone.Token
	if err := unmarshalObject(body, &token); err != nil {
		return err
	}
	if err := a.admin.AddToken(r.Context(), token); err != nil {
		return err
	}
	a.log.Info("token created", "id", token.ID, "uses", token.Uses, "expires", token.Expires, "comment", token.Comment)
	writeJSON(w, http.StatusCreated, []byte("{}"))
	return nil
}

func (a *adminHandler) listTokens(w http.ResponseWriter, r *http.Request) error {
	tokens, err := a.admin.Tokens(r.Context())
	if err != nil {
		return err
	}
	body, err := json.Marshal(tokens)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, body)
	return nil
}

func (a *adminHandler) revokeToken(w http.ResponseWriter, r *http.Request) error {
	id := chi.URLParam(r, "id")
	if err := a.admin.RevokeToken(r.Context(), id); err != nil {
		return err
	}
	a.log.Info("token revoked", "id", id)
	writeJSON(w, http.StatusOK, []byte("{}"))
	return nil
}

func (a *adminHandler) zone(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Type", "text/dns") // RFC 4027
	return a.admin.WriteZone(r.Context(), w)
}
