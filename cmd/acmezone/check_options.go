package main

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/check"
	"github.com/acmezone/acmezone/internal/config"
)

// checkOptions are what the configuration says that there should be.
func checkOptions(cfg *config.Config) (check.Options, error) {
	def, err := define(cfg)
	if err != nil {
		return check.Options{}, err
	}
	asked := &askedBriefly{cfg, def, make(chan struct{}, 1)}
	opts := check.Options{
		Definition: def, Accounts: asked, CA: cfg.API.ACMEDirectory,
		Service: &check.Service{
			Socket: cfg.Admin.Socket, Serial: asked.serial, Certificate: asked.certificate,
			Hostname: strings.TrimSuffix(cfg.API.Hostname, "."), TLS: cfg.API.TLS, PathPrefix: cfg.API.PathPrefix,
			RootFile: cfg.API.ACMECAFile, SelfSigned: selfSignedFile(cfg), CertFile: cfg.API.CertFile,
		},
	}
	if len(cfg.API.Listen) > 0 {
		opts.Service.Listen = cfg.API.Listen[0]
		if path, ok := config.SocketPath(opts.Service.Listen); ok {
			opts.Service.Listen = path
		}
	}
	if cfg.NSD != nil {
		opts.AttachZones = cfg.NSD.AttachZones
	}
	if cfg.NSD.Publishes() {
		nsd := nsdOptions(cfg, def)
		opts.NSD = &nsd
	}
	return opts, nil
}

// resolverAddress reads --resolver, or else finds what this machine uses.
func resolverAddress(flag string) (string, error) {
	if flag == "" {
		const file = "/etc/resolv.conf"
		system, err := dns.ClientConfigFromFile(file)
		if err != nil || len(system.Servers) == 0 {
			return "", fmt.Errorf("%s names no resolver: name one with --resolver ADDRESS", file)
		}
		return net.JoinHostPort(system.Servers[0], system.Port), nil
	}
	if addr, err := netip.ParseAddr(flag); err == nil {
		return netip.AddrPortFrom(addr, 53).String(), nil
	}
	at, err := netip.ParseAddrPort(flag)
	if err != nil || at.Port() == 0 {
		return "", usagef("--resolver %q is no address such as 9.9.9.9 or 127.0.0.1:5353", flag)
	}
	return at.String(), nil
}
