package main

import (
	"context"
	"fmt"
	"syscall"

	"github.com/acmezone/acmezone/internal/config"
)

// room is how many connections there may be, in all and of one address.
type room struct{ api, apiEach, dns, dnsEach int }

// otherFiles is how many files a service may need besides those connections: its database
// and log, what it listens on, admin.listen, NSD, and connections that are on their way out.
const otherFiles = 384

// roomFor is what the configuration says, or as much of it as there is room for where the
// process may open no more than that many files. Without it strangers who leave
// connections hanging could use all of them up: nobody can be let in then, nor be closed
// for another's sake.
func roomFor(cfg *config.Config, files uint64) (r room, enough bool) {
	r = room{api: cfg.Limits.Connections, apiEach: cfg.Limits.ConnectionsPerAddress}
	if cfg.DNS != nil {
		r.dns, r.dnsEach = cfg.DNS.Connections, cfg.DNS.ConnectionsPerAddress
	}
	left := max(files-min(otherFiles, files), files/4)
	wanted := uint64(r.api) + uint64(r.dns)
	if wanted <= left {
		return r, true
	}
	for _, n := range []*int{&r.api, &r.apiEach, &r.dns, &r.dnsEach} {
		if *n > 0 {
			*n = max(1, int(float64(*n)*float64(left)/float64(wanted)))
		}
	}
	return r, false
}

// makeRoom decides how many connections there may be. The runtime has raised the soft
// limit on open files to the hard one by then.
func (s *service) makeRoom(context.Context) error {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return fmt.Errorf("asking how many files may be open: %w", err)
	}
	s.mayOpen = files.Cur
	s.room = s.findRoom(s.cfg)
	return nil
}

// findRoom says so where there is less than was wanted.
func (s *service) findRoom(cfg *config.Config) room {
	r, enough := roomFor(cfg, s.mayOpen)
	if !enough {
		s.log.Warn("this process may open too few files for limits.connections and dns.connections, so there may be fewer: raise LimitNOFILE= in the systemd unit, or ulimit -n",
			"files", s.mayOpen, "connections", r.api, "dns_connections", r.dns)
	}
	return r
}

// giveRoom has as many connections as a configuration wants from now on.
func (s *service) giveRoom(cfg *config.Config) {
	r := s.findRoom(cfg)
	s.clients.Rebound(r.api, r.apiEach)
	if s.dns != nil {
		s.dns.SetConnections(r.dns, r.dnsEach)
	}
}
