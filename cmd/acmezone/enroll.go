package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/acmezone/acmezone/internal/client"
	"github.com/acmezone/acmezone/internal/config"
	"github.com/acmezone/acmezone/internal/zone"
)

// directory is where the accounts of domains are found and made: here, or at a server.
type directory interface {
	// find returns the account that a domain is bound to, or zone.ErrNoAccount; and
	// its credentials, where those can be had.
	find(ctx context.Context, domain string) (zone.Account, *credentials, error)
	// prepare makes the credentials of a new account, which is bound to nothing yet.
	prepare(ctx context.Context, domain string) (credentials, error)
	// enroll binds the domain to the account. It reports whether the CNAME is there.
	// Errors: zone.ErrBound, if somebody was faster.
	enroll(ctx context.Context, new credentials, comment string) (attached bool, err error)
}

// here is the directory of a running service or of the database.
type here struct {
	control
	def *zone.Definition
	url string // how clients reach the API
}

func (h here) find(ctx context.Context, domain string) (zone.Account, *credentials, error) {
	a, err := h.FindAccount(ctx, domain)
	if err == nil && !slices.Contains(a.Domains, domain) {
		err = zone.ErrNoAccount // the domain has the looks of another account's name
	}
	return a, nil, err
}

func (h here) prepare(_ context.Context, domain string) (credentials, error) {
	subdomain := uuid.NewString()
	return credentials{domain, client.Stored{
		FullDomain: h.def.FullName(subdomain), Subdomain: subdomain,
		Username: uuid.NewString(), Password: zone.NewPassword(), ServerURL: h.url,
	}}, nil
}

func (h here) enroll(ctx context.Context, new credentials, comment string) (bool, error) {
	return false, h.Do(ctx, zone.Register{Account: zone.Account{
		Username: new.Username, Subdomain: new.Subdomain, Password: zone.SecretOf(new.Password),
		Domains: []string{new.domain}, Comment: comment,
	}})
}

// there is the directory of a server.
type there struct{ *client.Remote }

func (t there) find(ctx context.Context, domain string) (zone.Account, *credentials, error) {
	stored, err := t.Stored(ctx, domain)
	if errors.Is(err, zone.ErrNotBound) {
		err = zone.ErrNoAccount
	}
	account := zone.Account{Username: stored.Username, Subdomain: stored.Subdomain, FullDomain: stored.FullDomain, Domains: []string{domain}}
	return account, &credentials{domain, stored}, err
}

func (t there) prepare(ctx context.Context, domain string) (credentials, error) {
	stored, err := t.Register(ctx)
	return credentials{domain, stored}, err
}

func (t there) enroll(ctx context.Context, new credentials, _ string) (bool, error) {
	attached, err := t.Bind(ctx, new.domain, new.Stored)
	if !errors.Is(err, zone.ErrBound) {
		return attached, err
	}
	// It may be this very request that was answered on a connection that broke.
	if bound, _, findErr := t.find(ctx, new.domain); findErr == nil && bound.Username == new.Username {
		return false, nil
	}
	return false, err
}

// apiURL is how clients reach the API, as far as the configuration knows: without TLS
// and without a proxy's prefix, they come to the address itself.
func apiURL(cfg *config.Config) string {
	host := cfg.API.Hostname
	if host == "" {
		host = strings.TrimSuffix(cfg.Zone.Name, ".")
	}
	listen := cfg.API.Listen[0]
	address, port, err := net.SplitHostPort(listen)
	direct := cfg.API.TLS == "off" && cfg.API.PathPrefix == "" && len(cfg.API.TrustedProxies) == 0 && err == nil
	switch {
	case direct && (address == "" || address == "::" || address == "0.0.0.0"):
		return "http://" + net.JoinHostPort(host, port)
	case direct:
		return "http://" + listen
	case cfg.API.TLS == "off" || err != nil || port == "443":
		return "https://" + host + cfg.API.PathPrefix
	}
	return fmt.Sprintf("https://%s%s", net.JoinHostPort(host, port), cfg.API.PathPrefix)
}
