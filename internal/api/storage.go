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
	if domain, err = h.parseDomain(chi.URLParam(e.Request, "domain")); err != nil {
		return "", token, err
	}
	e.note("domain", domain)
	if !token.Domains.Allow(domain) {
		return "", token, fmt.Errorf("%w: %s", errNotYours, domain)
	}
	return domain, token, nil
}

// parseDomain reads the domain in a path. The error, which is logged, never has a token
// in it that was put into the wrong place.
func (h *handler) parseDomain(text string) (string, error) {
	domain, err := zone.ParseDomain(text)
	switch {
	case err != nil && strings.Contains(strings.ToLower(text), zone.TokenPrefix):
		return "", fmt.Errorf("%w: a token stands in its place", errDomain)
	case err != nil:
		return "", fmt.Errorf("%w: %w", errDomain, err)
	case strings.HasSuffix("."+domain+".", "."+h.Definition.Name()):
		return "", fmt.Errorf("%w that can be delegated: %s lies in the zone of the challenges", errDomain, domain)
	}
	return domain, nil
}

// storageToken returns the token without which there is nothing to have here.
func (h *handler) storageToken(e *exchange) (zone.Token, error) {
	token, err := h.token(e)
	if errors.Is(err, zone.ErrToken) {
		return token, h.countBadToken(e, storageError(err))
	}
	return token, err
}

// storageError gives an error of looking something up, or of changing it, the place
// that it has here: a token that isn't good is a stranger's.
func storageError(err error) error {
	if errors.Is(err, zone.ErrToken) {
		return refuse(err.Error())
	}
	return err
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
	ctx, cancel := h.deadline(e.Request, e.arrived)
	defer cancel()
	account, err := h.claimed(ctx, e, body, token)
	if err != nil {
		return err
	}
	if err := h.Changes.Commit(ctx, zone.BindDomain{Domain: domain, Username: account.Username, Token: token.ID}); err != nil {
		return storageError(err)
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

// claimed returns the account of the body: the password proves that it is the client's.
// One that a token gave out proves that only where the account was made with it: the
// token may share the account with others, who wouldn't want their domains to depend on
// what else it is used for. That it isn't another token's, the store makes sure of.
func (h *handler) claimed(ctx context.Context, e *exchange, body []byte, token zone.Token) (zone.Account, error) {
	var claim storedAccount
	if err := unmarshalObject(body, &claim); err != nil {
		return nobody, err
	}
	if _, err := uuid.Parse(claim.Username); err != nil || claim.Password == "" {
		return nobody, fmt.Errorf("%w: user name or password is missing", errBadAccount)
	}
	account, err := h.authenticate(ctx, e, claim.Username, claim.Password)
	if err != nil {
		return nobody, err
	}
	full := h.Definition.FullName(account.Subdomain)
	switch {
	case account.Token != token.ID && !account.AcceptsOwn(claim.Password, time.Now()):
		return nobody, refuse("the password is one that a token gave out")
	case !strings.EqualFold(claim.Subdomain, account.Subdomain), !strings.EqualFold(strings.TrimSuffix(claim.FullDomain, "."), full):
		return nobody, fmt.Errorf("%w: it is %s", errBadAccount, full)
	}
	return account, nil
}

// attach reports whether the CNAME is there. What keeps it from being there is for the
// operator, who reads the log, since no client asks twice: the domain is bound by now. The
// client's user goes on by hand.
func (h *handler) attach(w http.ResponseWriter, e *exchange, domain, target string) bool {
	if h.Attacher == nil {
		return false
	}
	// The server's own bound on an answer is meant for updates.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(attachTime + writeSlack)) // else that bound holds
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.Context()), attachTime)
	defer cancel()
	defer context.AfterFunc(serverLife(ctx), cancel)()
	err := h.Attacher.Attach(ctx, domain, target+".")
	h.Audit.Write(attachEntry(e, domain, target, err))
	if err != nil {
		h.Log.Log(ctx, slog.LevelWarn, "the CNAME was not installed: mend what err says, and type 'acmezone attach "+domain+"'", "domain", domain, "target", target, "err", err)
		return false
	}
	e.note("attached", true)
	return true
}
