package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/acmezone/acmezone/internal/zone"
)

// Attacher puts a domain's CNAME into its zone. It may be called by any number of
// goroutines.
type Attacher interface {
	// Attach returns nil when the domain's zone answers with a CNAME from the name of
	// its challenge to target, which ends in a dot. Domains are in the form of
	// zone.ParseDomain. The error says why it isn't there.
	Attach(ctx context.Context, domain, target string) error
}

// attachTime bounds an edit of the domain's zone, secondaries and all. lego waits two
// minutes for the answer.
const attachTime = 90 * time.Second

// storedAccount is an account as lego, Traefik and others keep it (goacmedns).
type storedAccount struct {
	FullDomain string `json:"fulldomain"`
	Subdomain  string `json:"subdomain"`
	Username   string `json:"username"`
	Password   string `json:"password"`
	ServerURL  string `json:"server_url"`
}

// storageDomain returns the domain of a request's path and the token, which must be
// good for that domain.
func (h *handler) storageDomain(e *exchange) (domain string, token zone.Token, err error) {
	if token, err = h.storageToken(e); err != nil {
		return "", token, err
	}
	if domain, err = zone.ParseDomain(chi.URLParam(e.Request, "domain")); err != nil {
		return "", token, fmt.Errorf("%w: %w", errDomain, err)
	}
	e.note("domain", domain)
	if !token.Domains.Allow(domain) {
		return "", token, fmt.Errorf("%w: %s", errNotYours, domain)
	}
	return domain, token, nil
}

// storageToken returns the token without which there is nothing to have here.
func (h *handler) storageToken(e *exchange) (zone.Token, error) {
	token, err := h.token(e)
	if errors.Is(err, zone.ErrToken) {
		return token, refuse(err.Error())
	}
	return token, err
}

// readStored answers with the account that a domain is bound to, and a password that
// the token gives out for it.
func (h *handler) readStored(w http.ResponseWriter, e *exchange) error {
	domain, token, err := h.storageDomain(e)
	if err != nil {
		return err
	}
	username, owner, err := h.Accounts.Binding(e.Context(), domain)
	if err != nil {
		return storageError(err)
	}
	if owner != "" && owner != token.ID {
		return fmt.Errorf("%w: %s is bound with token %s", errNotYours, domain, owner)
	}
	accounts, err := h.giveOut(e, token, map[string]string{domain: username})
	if err != nil {
		return err
	}
	account, ok := accounts[domain]
	if !ok {
		return zone.ErrNotBound // it was removed just now
	}
	return answerWith(w, account, nil)
}

// listStored answers with all domains that were bound with the token.
func (h *handler) listStored(w http.ResponseWriter, e *exchange) error {
	token, err := h.storageToken(e)
	if err != nil {
		return err
	}
	bindings, err := h.Accounts.Bindings(e.Context(), token.ID)
	if err != nil {
		return storageError(err)
	}
	accounts, err := h.giveOut(e, token, bindings)
	return answerWith(w, accounts, err)
}

// storageError tells what isn't there from what couldn't be looked up.
func storageError(err error) error {
	if errors.Is(err, zone.ErrNotBound) {
		return err
	}
	return fmt.Errorf("%w: %w", zone.ErrNotStored, err)
}

// giveOut returns the accounts of domains with passwords that are derived from the
// token. Those that weren't given out before are made good first.
func (h *handler) giveOut(e *exchange, token zone.Token, bindings map[string]string) (map[string]storedAccount, error) {
	text, _ := requestToken(e.Request)
	accounts, fresh := make(map[string]storedAccount), make(map[string]zone.Secret)
	for domain, username := range bindings {
		account, err := h.Accounts.Account(e.Context(), username)
		if errors.Is(err, zone.ErrNoAccount) {
			continue
		}
		if err != nil {
			return nil, storageError(err)
		}
		password := zone.DerivedPassword(text, username)
		if !account.Accepts(password, time.Now()) {
			fresh[username] = zone.SecretOf(password)
		}
		accounts[domain] = storedAccount{h.Definition.FullName(account.Subdomain), account.Subdomain, username, password, h.serverURL(e)}
	}
	if len(fresh) == 0 {
		return accounts, nil
	}
	ctx, cancel := h.deadline(e.Request, e.arrived)
	defer cancel()
	return accounts, h.Changes.Commit(ctx, zone.GivePasswords{Token: token.ID, Passwords: fresh})
}

// serverURL is where the request reached this API, for clients that keep it with the
// account.
func (h *handler) serverURL(e *exchange) string {
	scheme := "https"
	if e.TLS == nil {
		scheme = "http"
	}
	return scheme + "://" + e.Host + h.PathPrefix
}

// store binds a domain to the account that its client has registered, and has the
// CNAME installed: 201 when it answers, 200 when somebody has to make it by hand.
func (h *handler) store(w http.ResponseWriter, e *exchange) error {
	domain, token, err := h.storageDomain(e)
	if err != nil {
		return err
	}
	body, err := readBody(w, e.Request)
	if err != nil {
		return err
	}
	account, err := h.claimed(e, body, token)
	if err != nil {
		return err
	}
	ctx, cancel := h.deadline(e.Request, e.arrived)
	defer cancel()
	if err := h.Changes.Commit(ctx, zone.BindDomain{Domain: domain, Username: account.Username, Token: token.ID}); err != nil {
		return err
	}
	target := h.Definition.FullName(account.Subdomain)
	status := http.StatusOK
	if h.attach(w, e, domain, target) {
		status = http.StatusCreated
	}
	answer, err := json.Marshal(struct {
		Domain   string `json:"domain"`
		Target   string `json:"target"`
		Attached bool   `json:"attached"`
	}{domain, target, status == http.StatusCreated})
	if err != nil {
		return err
	}
	writeJSON(w, status, answer)
	return nil
}

// claimed returns the account of the body: the password proves that it is the
// client's, and it must not be another token's.
func (h *handler) claimed(e *exchange, body []byte, token zone.Token) (zone.Account, error) {
	var claim storedAccount
	if err := unmarshalObject(body, &claim); err != nil {
		return nobody, err
	}
	if _, err := uuid.Parse(claim.Username); err != nil || claim.Password == "" {
		return nobody, fmt.Errorf("%w: user name or password is missing", errBadAccount)
	}
	account, err := h.authenticate(e.Context(), e, claim.Username, claim.Password)
	if err != nil {
		return nobody, err
	}
	full := h.Definition.FullName(account.Subdomain)
	switch {
	case claim.Subdomain != account.Subdomain, strings.TrimSuffix(claim.FullDomain, ".") != full:
		return nobody, fmt.Errorf("%w: it is %s", errBadAccount, full)
	case account.Token != "" && account.Token != token.ID:
		return nobody, fmt.Errorf("%w: the account was made with token %s", errNotYours, account.Token)
	}
	return account, nil
}

// attach reports whether the CNAME is there. What keeps it from being there is for the
// operator, who reads the log; the client goes on by hand.
func (h *handler) attach(w http.ResponseWriter, e *exchange, domain, target string) bool {
	if h.Attacher == nil {
		return false
	}
	// The server's own bound on an answer is meant for updates.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(attachTime + writeSlack)) // else that bound holds
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.Context()), attachTime)
	defer cancel()
	err := h.Attacher.Attach(ctx, domain, target+".")
	if err != nil {
		h.Log.Log(ctx, slog.LevelWarn, "the CNAME was not installed", "domain", domain, "target", target, "err", err)
		return false
	}
	e.note("attached", true)
	return true
}
