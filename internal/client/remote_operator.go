package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// What an operator's command asks for (see Client), as far as a token goes.

// ErrOperator: the rest is for who may use the admin socket.
var ErrOperator = errors.New("that is for an operator, on the machine of the service itself: it can't be done over --server")

// Do sets a value; every other change is an operator's.
func (r *Remote) Do(ctx context.Context, change zone.Change) error {
	set, ok := change.(zone.SetValue)
	if !ok {
		return ErrOperator
	}
	r.mu.Lock()
	s, ok := r.known[set.Account]
	r.mu.Unlock()
	if !ok {
		return zone.ErrNoAccount
	}
	body, err := json.Marshal(map[string]string{"subdomain": s.Subdomain, "txt": set.Text})
	if err != nil {
		return err
	}
	_, err = r.do(ctx, http.MethodPost, "update", body, nil, "X-Api-User", s.Username, "X-Api-Key", s.Password)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.set[set.Owner] = append(r.set[set.Owner], zone.Value{Text: set.Text, SetAt: time.Now().Unix()})
	return nil
}

// Values returns those values of an owner that were set through this client; of others
// the API tells nothing.
func (r *Remote) Values(_ context.Context, owner string) ([]zone.Value, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.set[owner]) == 0 {
		return nil, ErrOperator
	}
	return slices.Clone(r.set[owner]), nil
}

// FindAccount returns the account of a domain that the token is good for, or one by its
// names, if one of its domains was bound with the token.
func (r *Remote) FindAccount(ctx context.Context, name string) (zone.Account, error) {
	domain, err := zone.ParseDomain(name)
	if err == nil {
		s, err := r.Stored(ctx, domain)
		if err == nil {
			return s.account(domain), nil
		}
		if !errors.Is(err, zone.ErrNotBound) {
			return zone.Account{}, err
		}
	}
	accounts, err := r.Accounts(ctx, zone.AccountFilter{})
	for _, a := range accounts {
		if strings.EqualFold(name, a.Username) || strings.EqualFold(name, a.Subdomain) || strings.EqualFold(strings.TrimSuffix(name, "."), a.FullDomain) {
			return a, nil
		}
	}
	return zone.Account{}, errors.Join(err, zone.ErrNoAccount)
}

// Accounts returns the accounts of the domains that were bound with the token, all that
// come after After in one page. It takes no other filter but Bound, which they are.
func (r *Remote) Accounts(ctx context.Context, filter zone.AccountFilter) ([]zone.Account, error) {
	if filter.Containing != "" || filter.Token != "" || !filter.IdleSince.IsZero() {
		return nil, ErrOperator
	}
	var byDomain map[string]Stored
	if _, err := r.do(ctx, http.MethodGet, "storage", nil, &byDomain); err != nil {
		return nil, err
	}
	byName := make(map[string]zone.Account)
	for _, domain := range slices.Sorted(maps.Keys(byDomain)) {
		s := byDomain[domain]
		if err := r.remember(s); err != nil {
			return nil, err
		}
		if s.Username > filter.After {
			byName[s.Username] = s.account(append(byName[s.Username].Domains, domain)...)
		}
	}
	return slices.SortedFunc(maps.Values(byName), func(a, b zone.Account) int { return strings.Compare(a.Username, b.Username) }), nil
}

func (s Stored) account(domains ...string) zone.Account {
	return zone.Account{Username: s.Username, Subdomain: s.Subdomain, FullDomain: s.FullDomain, Domains: domains}
}

// Tokens are an operator's.
func (r *Remote) Tokens(context.Context) ([]zone.Token, error) { return nil, ErrOperator }

// Certificate is an operator's.
func (r *Remote) Certificate(context.Context) (zone.CertificateStatus, error) {
	return zone.CertificateStatus{}, ErrOperator
}

// WriteZone is an operator's.
func (r *Remote) WriteZone(context.Context, io.Writer) error { return ErrOperator }

// Close ends idle connections.
func (r *Remote) Close() error {
	r.http.HTTPClient.CloseIdleConnections()
	return nil
}
