package main

import (
	"slices"

	"github.com/acmezone/acmezone/internal/config"
)

// roomKeys say how many connections there may be.
var roomKeys = []string{
	"limits.connections", "limits.connections_per_address", "dns.connections", "dns.connections_per_address",
}

// definingKeys make the zone's definition: with them the serial moves.
var definingKeys = []string{
	"zone.nameservers", "zone.contact", "zone.records", "zone.ttl", "zone.challenge_ttl", "zone.negative_ttl",
}

// liveKeys take effect when the configuration is read again, each unless one of the keys
// behind it has changed as well, on which it depends and which takes a restart: other
// records belong to another zone, and a network that may register without a token may be
// everybody's where a proxy stands in front. All keys that aren't here take a restart.
var liveKeys = map[string][]string{
	"zone.nameservers":    {"zone.name"},
	"zone.contact":        {"zone.name"},
	"zone.records":        {"zone.name"},
	"zone.ttl":            {"zone.name"},
	"zone.challenge_ttl":  {"zone.name"},
	"zone.negative_ttl":   {"zone.name"},
	"zone.value_lifetime": nil,
	"zone.max_values":     nil,
	"zone.serial_policy":  nil,

	"api.cert_file":       {"api.tls"},
	"api.key_file":        {"api.tls"},
	"api.path_prefix":     nil,
	"api.registration":    nil,
	"api.register_from":   {"api.tls", "api.listen"},
	"api.cors_origins":    nil,
	"api.trusted_proxies": nil, // what register_from and limits.exempt are by default goes with them

	"limits.exempt":        {"api.tls", "api.listen"},
	"limits.registrations": nil,
	"limits.failed_logins": nil,
	"limits.updates":       nil,

	"limits.connections":             nil,
	"limits.connections_per_address": nil,

	"dns.rate_limit":              nil,
	"dns.rate_limit_slip":         nil,
	"dns.rate_limit_exempt":       nil,
	"dns.connections":             nil,
	"dns.connections_per_address": nil,

	"nsd.attach_zones":  {"nsd"},
	"nsd.attach_socket": {"nsd"},
	"nsd.attach_mode":   {"nsd"}, // attach-helper's, which reads it by itself
	"nsd.snippet_dir":   {"nsd"}, // the same

	"publish.timeout": nil,
	"log.level":       nil,
	"log.audit":       nil,
}

// divide returns which of the keys that differ take effect at once, and which when the
// service is restarted.
func divide(now, next *config.Config) (live, waiting []string) {
	different := now.Differences(next)
	for _, key := range different {
		depends, ok := liveKeys[key]
		if ok && !slices.ContainsFunc(depends, func(k string) bool { return slices.Contains(different, k) }) {
			live = append(live, key)
		} else {
			waiting = append(waiting, key)
		}
	}
	return live, waiting
}
