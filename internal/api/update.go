package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/acmezone/acmezone/internal/zone"
)

func (h *handler) update(w http.ResponseWriter, e *exchange) error {
	user, key := e.Header.Get("X-Api-User"), e.Header.Get("X-Api-Key")
	if user == "" || key == "" {
		return refuse("X-Api-User or X-Api-Key is missing")
	}
	body, err := readBody(w, e.Request)
	if err != nil {
		return err
	}
	var request struct {
		Subdomain string `json:"subdomain"`
		TXT       string `json:"txt"`
	}
	if unmarshalObject(body, &request) != nil {
		return refuse("the body is no JSON object") // 401, as acme-dns answers
	}
	ctx, cancel := h.deadline(e.Request, e.arrived)
	defer cancel()
	account, err := h.authenticate(ctx, e, user, key)
	if err != nil {
		return err
	}
	if !strings.EqualFold(request.Subdomain, account.Subdomain) {
		return refuse("the subdomain is not the account's")
	}
	if !zone.ValidChallenge(request.TXT) {
		return errBadTXT
	}
	e.value = request.TXT
	if err := h.countUpdate(e, account.Username); err != nil {
		return err
	}
	err = h.Changes.Publish(ctx, zone.SetValue{Account: account.Username, Owner: account.Subdomain, Text: request.TXT})
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, []byte(`{"txt": "`+request.TXT+`"}`))
	return nil
}

// refuse gives the log a reason that the client isn't told.
func refuse(reason string) error { return fmt.Errorf("%w: %s", errForbidden, reason) }

// nobody is compared with when there is no such account, so that an unknown user
// takes as long as a wrong password.
var nobody zone.Account

// authenticate finds the account of a user name and proves password and address. Nobody
// can tell from the answer, or from its time, what was wrong. Failures are counted; the
// right password gets in however many there were.
func (h *handler) authenticate(ctx context.Context, e *exchange, user, key string) (zone.Account, error) {
	began := time.Now()
	patient, done := h.bearWith(e)
	defer done()
	account, err := h.prove(ctx, e, user, key, patient)
	if errors.Is(err, errForbidden) {
		err = h.countFailure(e, err)
		h.hold(e, began, patient)
	}
	e.proved, e.subdomain = err == nil, account.Subdomain
	return account, err
}

func (h *handler) prove(ctx context.Context, e *exchange, user, key string, patient bool) (zone.Account, error) {
	id, err := uuid.Parse(user)
	if err != nil {
		return nobody, refuse("the user name is no UUID")
	}
	e.note("account", id.String())
	account, err := h.Accounts.Account(ctx, id.String())
	if err != nil && !errors.Is(err, zone.ErrNoAccount) {
		return nobody, fmt.Errorf("%w: %w", zone.ErrNotStored, err)
	}
	matches := account.Accepts(key, time.Now())
	switch {
	case err != nil:
		return nobody, refuse("no such account")
	case !matches && !account.HasImported(time.Now()):
		return nobody, refuse("wrong password")
	case !account.AllowFrom.Allows(e.client):
		return nobody, refuse("the address is not in the account's allow list")
	case matches:
		return account, nil
	}
	if err := h.mayCheck(e, patient, account.Username); err != nil {
		return nobody, err
	}
	return h.proveImported(ctx, e, account, key)
}

// proveImported makes the slow check, which comes last.
func (h *handler) proveImported(ctx context.Context, e *exchange, account zone.Account, key string) (zone.Account, error) {
	account, matches, err := h.acceptsImported(ctx, account, key)
	if err == nil && !matches {
		h.countCheck(e, account.Username)
		err = refuse("wrong password")
	}
	return account, err
}
