package api

import (
	"fmt"
	"net/http"

	"github.com/acmezone/acmezone/internal/audit"
	"github.com/acmezone/acmezone/internal/zone"
)

// events are the audit log's names for what the log calls requests.
var events = map[string]string{
	"account store listed":  "storage_list", // hands out passwords
	"account store read":    "storage_read", // the same
	"account store written": "bind",
}

// auditEntry is the audit log's line for a request. Its fields are those that the log
// has, so that what must not stand in one doesn't in the other.
func auditEntry(what string, e *exchange, err error) audit.Entry {
	entry := audit.Entry{Event: what, Result: audit.OK, Subdomain: e.subdomain, Value: e.value, Client: e.clientText()}
	if event, ok := events[what]; ok {
		entry.Event = event
	}
	for i := 0; i+1 < len(e.notes); i += 2 {
		addNote(&entry, fmt.Sprint(e.notes[i]), e.notes[i+1])
	}
	if err == nil {
		return entry
	}
	if !e.proved && isLoginFailure(what, err) {
		entry.Event = "login_failed"
	}
	return auditError(entry, err)
}

// isLoginFailure tells a password or token that was wrong, or would have been one of too
// many, from other refusals. Nobody has to log in to register.
func isLoginFailure(what string, err error) bool {
	status, _ := statusOf(err)
	return status == http.StatusUnauthorized || status == http.StatusTooManyRequests && what != "register"
}

// clientText is the client's address, empty where the connection has none.
func (e *exchange) clientText() string {
	if !e.client.IsValid() {
		return ""
	}
	return e.client.String()
}

// addNote takes over what the log says; what isn't known here stays out.
func addNote(entry *audit.Entry, key string, value any) {
	text := fmt.Sprint(value)
	switch key {
	case "account":
		entry.Account = text
	case "subdomain":
		entry.Subdomain = text
	case "domain":
		entry.Domain = text
	case "token":
		entry.Token = text
	}
}

// attachEntry is the line for a CNAME that a request had installed, beside the request's
// own.
func attachEntry(e *exchange, domain, target string, err error) audit.Entry {
	entry := auditEntry("attach", e, nil)
	entry.Domain, entry.Target = domain, target
	if err != nil {
		entry = entry.Fail(audit.Failed, "not_attached", err)
	}
	return entry
}

// auditError tells what was refused from what failed.
func auditError(entry audit.Entry, err error) audit.Entry {
	status, code := statusOf(err)
	result := audit.Refused
	if status >= http.StatusInternalServerError {
		result = audit.Failed
	}
	return entry.Fail(result, code, err)
}

// changeEntry is the line for an operator's change.
func changeEntry(change zone.Change) audit.Entry {
	switch c := change.(type) {
	case zone.Register:
		a := c.Account
		return audit.Entry{Event: "register", Account: a.Username, Subdomain: a.Subdomain, Domains: a.Domains}
	case zone.BindDomain:
		return audit.Entry{Event: "bind", Account: c.Username, Domain: c.Domain, Token: c.Token}
	case zone.UnbindDomain:
		return audit.Entry{Event: "unbind", Domain: c.Domain}
	case zone.RotatePassword:
		return audit.Entry{Event: "rotate", Account: c.Username}
	case zone.RemoveAccount:
		return audit.Entry{Event: "account_remove", Account: c.Username}
	case zone.SetValue:
		return audit.Entry{Event: "update", Account: c.Account, Owner: c.Owner, Value: c.Text}
	case zone.RemoveValue:
		return audit.Entry{Event: "remove_value", Owner: c.Owner, Value: c.Text}
	case zone.CreateToken:
		return audit.Entry{Event: "token_create", Token: c.Token.ID, Domains: c.Token.Domains}
	case zone.RevokeToken:
		event := "token_revoke"
		if c.Accounts {
			event = "token_revoke_with_accounts"
		}
		return audit.Entry{Event: event, Token: c.ID}
	}
	return audit.Entry{Event: fmt.Sprintf("%T", change)}
}
