package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/acmezone/acmezone/internal/api"
	"github.com/acmezone/acmezone/internal/config"
	"github.com/acmezone/acmezone/internal/dnsserve"
	"github.com/acmezone/acmezone/internal/zone"
)

// listenDNS binds the embedded server's addresses, but for the sockets that the service
// manager holds.
func (s *service) listenDNS(context.Context) (err error) {
	if s.cfg.DNS == nil {
		return nil
	}
	opts := dnsOptions(s.cfg.DNS, s.definition(), s.log)
	opts.Connections, opts.ConnectionsPerAddress = s.room.dns, s.room.dnsEach
	udp, tcp := s.inherited.DNS(s.cfg.DNS.Listen)
	for _, conn := range udp {
		opts.Inherited = append(opts.Inherited, dnsserve.Inherited{UDP: conn})
	}
	for _, listener := range tcp {
		opts.Inherited = append(opts.Inherited, dnsserve.Inherited{TCP: listener})
	}
	s.dns, err = dnsserve.Listen(opts)
	return withHint(err)
}

func dnsOptions(cfg *config.DNS, def *zone.Definition, log *slog.Logger) dnsserve.Options {
	return dnsserve.Options{
		Listen: cfg.Listen, Definition: def, Log: log,
		RateLimit: rateLimitOf(cfg),
	}
}

func rateLimitOf(cfg *config.DNS) dnsserve.RateLimit {
	return dnsserve.RateLimit{PerSecond: cfg.RateLimit, Slip: cfg.RateLimitSlip, Exempt: networks(cfg.RateLimitExempt)}
}

// listenAPI binds the API's addresses, but for those that the service manager holds.
func (s *service) listenAPI(ctx context.Context) error {
	s.clients = api.NewConnections(s.room.api, s.room.apiEach, s.proxies)
	for _, addr := range s.cfg.API.Listen {
		if l := s.inherited.API(addr); l != nil {
			s.api = append(s.api, l)
			continue
		}
		l, err := listenClients(ctx, addr)
		if err != nil {
			return errors.Join(err, s.inherited.Rest()) // which may be why
		}
		s.api = append(s.api, l)
	}
	return nil
}

// refuseRest is called when everybody has taken the sockets that are meant for him.
func (s *service) refuseRest(context.Context) error {
	if err := s.inherited.Rest(); err != nil {
		return usageError{err}
	}
	return nil
}

func (s *service) listenAdmin(ctx context.Context) (err error) {
	s.admin, err = listenSocket(ctx, "admin.socket", s.cfg.Admin.Socket)
	return err
}
