package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/acmezone/acmezone/internal/zone"
)

// registration is the answer of /register; acme.sh cuts it apart with sed, so the
// order of the keys is part of the contract.
type registration struct {
	Username   string   `json:"username"`
	Password   string   `json:"password"`
	FullDomain string   `json:"fulldomain"`
	Subdomain  string   `json:"subdomain"`
	AllowFrom  []string `json:"allowfrom"`
}

func (h *handler) register(w http.ResponseWriter, e *exchange) error {
	token, charge, err := h.mayRegister(e)
	if err != nil {
		return err
	}
	body, err := readBody(w, e.Request)
	if err != nil {
		return err
	}
	allowFrom, err := parseRegistration(body)
	if err != nil {
		return err
	}
	if charge == nil {
		if charge, err = h.countOrCharge(e, token); err != nil {
			return err
		}
	}
	password := zone.NewPassword()
	account := zone.Account{
		Username:  uuid.NewString(),
		Subdomain: uuid.NewString(),
		Password:  zone.SecretOf(password),
		AllowFrom: allowFrom,
		Token:     token.ID,
	}
	e.note("account", account.Username, "subdomain", account.Subdomain)
	ctx, cancel := h.deadline(e.Request, e.arrived)
	defer cancel()
	if err := h.Changes.Commit(ctx, zone.Register{Account: account, Token: charge}); err != nil {
		return err
	}
	return h.answerRegistration(w, account, password)
}

func (h *handler) answerRegistration(w http.ResponseWriter, account zone.Account, password string) error {
	answer, err := json.Marshal(registration{
		Username: account.Username, Password: password, Subdomain: account.Subdomain,
		FullDomain: h.Definition.FullName(account.Subdomain), AllowFrom: account.AllowFrom.Strings(),
	})
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusCreated, answer)
	return nil
}

// countOrCharge counts a registration that needs no token. A client that has had its
// share may go on with one.
func (h *handler) countOrCharge(e *exchange, token zone.Token) (*zone.Secret, error) {
	err := h.countRegistration(e)
	if err != nil && token.ID != "" && !token.Spent(time.Now()) {
		return &token.Secret, nil
	}
	return nil, err
}

// mayRegister decides by the rules of api.registration. It returns the token that the
// account belongs to, if one came with the request, and the secret of the one that the
// registration is to be charged to, if it needs one. A token that isn't needed costs
// no use, and may be no good.
func (h *handler) mayRegister(e *exchange) (token zone.Token, charge *zone.Secret, err error) {
	if h.Registration == RegistrationClosed {
		return token, nil, errRegistrationClosed
	}
	free := h.Registration == RegistrationOpen || zone.Contains(h.RegisterFrom, e.client)
	switch token, err = h.token(e); {
	case errors.Is(err, zone.ErrToken) && free:
		return zone.Token{}, nil, nil
	case errors.Is(err, zone.ErrToken):
		return zone.Token{}, nil, h.countBadToken(e, fmt.Errorf("%w: %w", errRegistrationForbidden, err))
	case err != nil || free:
		return token, nil, err
	case token.Spent(time.Now()):
		return token, nil, fmt.Errorf("%w: token %s is used up", errRegistrationForbidden, token.ID)
	}
	return token, &token.Secret, nil
}

// parseRegistration reads the optional body: nothing, null, {} or an allow list.
func parseRegistration(body []byte) (zone.AllowList, error) {
	var request struct {
		AllowFrom []string `json:"allowfrom"`
	}
	if trimmed := bytes.TrimSpace(body); len(trimmed) > 0 && !bytes.Equal(trimmed, []byte("null")) {
		if err := unmarshalObject(body, &request); err != nil {
			return zone.AllowList{}, err
		}
	}
	list, err := zone.ParseAllowList(request.AllowFrom)
	if err != nil {
		return list, fmt.Errorf("%w: %w", errAllowFrom, err)
	}
	return list, nil
}
