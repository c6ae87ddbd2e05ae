package main

import (
	"slices"

	"github.com/acmezone/acmezone/internal/api"
	"github.com/acmezone/acmezone/internal/config"
	"github.com/acmezone/acmezone/internal/limit"
)

// proxiesOf are those of api.trusted_proxies.
func proxiesOf(entries []string) api.Proxies {
	isUnix := func(e string) bool { return e == config.UnixProxy }
	return api.Proxies{
		Networks: networks(slices.DeleteFunc(slices.Clone(entries), isUnix)),
		Unix:     slices.ContainsFunc(entries, isUnix),
	}
}

func limitsOf(l config.Limits) api.Limits {
	return api.Limits{
		Exempt: networks(l.Exempt), Registrations: limit.Rate(l.Registrations),
		FailedLogins: limit.Rate(l.FailedLogins), Updates: limit.Rate(l.Updates),
	}
}
