package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"time"

	"github.com/acmezone/acmezone/internal/audit"
	"github.com/acmezone/acmezone/internal/zone"
)

// storagePage is how many accounts are read at a time, and made good in one
// transaction, so that a long list neither fills the memory nor holds up updates.
const storagePage = 500

// readStored answers with the account that a domain is bound to, and a password that
// the token gives out for it.
func (h *handler) readStored(w http.ResponseWriter, e *exchange) error {
	domain, token, err := h.storageDomain(e)
	if err != nil {
		return err
	}
	binding, err := h.Accounts.Binding(e.Context(), domain)
	if err != nil {
		return lookUpError(err)
	}
	if !token.MayHave(binding) {
		a := binding.Account
		return fmt.Errorf("%w: %s is bound to %s, which is for %s, with tokens %s", errNotYours, domain, a.Username, a.Domains, binding.Holders)
	}
	account, fresh := h.given(e, token, binding)
	if err := h.makeGood(e, token, fresh, e.arrived); err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return answerWith(w, account, nil)
}

// listStored answers with all domains that were bound with the token.
func (h *handler) listStored(w http.ResponseWriter, e *exchange) error {
	token, err := h.storageToken(e)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	list := objectWriter{w: w}
	for after := ""; ; {
		page, err := h.Accounts.Bindings(e.Context(), token.ID, after, storagePage)
		if err != nil {
			return h.cutOff(&list, e, lookUpError(err))
		}
		if err := h.listPage(&list, e, token, page); err != nil {
			return h.cutOff(&list, e, err)
		}
		if len(page) < storagePage {
			return list.end()
		}
		after = page[len(page)-1].Domain
	}
}

// listPage adds a page. What it answers with is good by then.
func (h *handler) listPage(list *objectWriter, e *exchange, token zone.Token, page []zone.Binding) error {
	if err := list.flush(); err != nil {
		return err
	}
	all := make(map[string]zone.Given)
	for _, binding := range page {
		if !token.MayHave(binding) {
			continue
		}
		account, fresh := h.given(e, token, binding)
		maps.Copy(all, fresh)
		if err := list.add(binding.Domain, account); err != nil {
			return err
		}
	}
	return h.makeGood(e, token, all, time.Now())
}

// cutOff reports an error. Where the answer has begun it cuts the connection, so that
// nobody takes what came for the whole. What came holds passwords, so who hangs up in the
// middle is in both logs as well.
func (h *handler) cutOff(list *objectWriter, e *exchange, err error) error {
	if !list.begun {
		return err
	}
	h.Log.Warn("a list of the account store was cut off", append([]any{"client", clientText(e.client), "err", err}, e.notes...)...)
	h.Audit.Write(auditEntry("account store listed", e, nil).Fail(audit.Failed, "cut_off", err))
	panic(http.ErrAbortHandler)
}

// lookUpError tells what isn't there from what couldn't be looked up.
func lookUpError(err error) error {
	if errors.Is(err, zone.ErrNotBound) {
		return err
	}
	return fmt.Errorf("%w: %w", zone.ErrNotStored, err)
}

// given returns the account of a binding as its client keeps it, with the password that
// is derived from the token, and what has to be made good first, if anything.
func (h *handler) given(e *exchange, token zone.Token, binding zone.Binding) (storedAccount, map[string]zone.Given) {
	text, _ := requestToken(e.Request)
	a := binding.Account
	password := zone.DerivedPassword(text, a.Username)
	stored := storedAccount{h.Definition.FullName(a.Subdomain), a.Subdomain, a.Username, password, h.serverURL(e)}
	if a.Accepts(password, time.Now()) {
		return stored, nil
	}
	return stored, map[string]zone.Given{a.Username: {Secret: zone.SecretOf(password), Domains: a.Domains}}
}

// makeGood makes the passwords good that are given out for the first time.
func (h *handler) makeGood(e *exchange, token zone.Token, fresh map[string]zone.Given, since time.Time) error {
	if len(fresh) == 0 {
		return nil
	}
	ctx, cancel := h.deadline(e.Request, since)
	defer cancel()
	return storageError(h.Changes.Commit(ctx, zone.GivePasswords{Token: token.ID, Passwords: fresh}))
}

// serverURL is where the request reached this API, for clients that keep it with the
// account.
func (h *handler) serverURL(e *exchange) string {
	scheme := "http"
	if h.Proxies.secure(e.Request, h.Hostname) {
		scheme = "https"
	}
	return scheme + "://" + e.Host + h.PathPrefix
}

// objectWriter answers with a JSON object, member by member. What has gathered is sent
// when flush is called; an answer that never was flushed is sent whole, with its length.
type objectWriter struct {
	w     http.ResponseWriter
	buf   []byte
	begun bool
}

func (o *objectWriter) add(key string, value any) error {
	name, err := json.Marshal(key)
	if err != nil {
		return err
	}
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	separator := byte(',')
	if len(o.buf) == 0 && !o.begun {
		separator = '{'
	}
	o.buf = append(append(append(append(o.buf, separator), name...), ':'), text...)
	return nil
}

// flush sends what has gathered, if anything.
func (o *objectWriter) flush() error {
	if len(o.buf) == 0 {
		return nil
	}
	if !o.begun {
		o.begun = true
		o.w.Header().Set("Content-Type", "application/json")
		o.w.WriteHeader(http.StatusOK)
	}
	_, err := o.w.Write(o.buf)
	o.buf = o.buf[:0]
	return err
}

func (o *objectWriter) end() error {
	if len(o.buf) == 0 && !o.begun {
		o.buf = append(o.buf, '{')
	}
	o.buf = append(o.buf, '}')
	if !o.begun {
		writeJSON(o.w, http.StatusOK, o.buf)
		return nil
	}
	_ = o.flush() // a client that has gone needs no answer
	return nil
}
