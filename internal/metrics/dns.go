package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/acmezone/acmezone/internal/dnsserve"
	"github.com/acmezone/acmezone/internal/limit"
)

func dnsGroup(ask func() dnsserve.Stats) (g group) {
	answers := g.counter("dns_answers_total", "Answers of the embedded server, by response code and transport.", "rcode", "transport")
	dropped := g.counter("dns_dropped_total", "Packets and messages to the embedded server that were no questions.")
	limited := g.counter("dns_rate_limited_total", "Questions over UDP left without an answer, since their network had had its share.")
	slipped := g.counter("dns_slipped_total", "Questions over UDP answered with no more than that TCP is to be used, for the same reason.")
	cookies := g.counter("dns_cookies_valid_total", "Questions with a valid server cookie.")
	g.read = func(to chan<- prometheus.Metric) {
		s := ask()
		for transport, counts := range map[string]dnsserve.Answers{"udp": s.UDP, "tcp": s.TCP} {
			for rcode, n := range counts {
				if n > 0 || rcode == 0 { // most codes are never answered
					answers.is(to, float64(n), dnsserve.RcodeName(rcode), transport)
				}
			}
		}
		dropped.is(to, float64(s.Dropped))
		limited.is(to, float64(s.RateLimited))
		slipped.is(to, float64(s.Slipped))
		cookies.is(to, float64(s.CookiesValid))
	}
	return g
}

// connectionsGroup is for connections of a kind, "http" or "dns_tcp".
func connectionsGroup(kind, whose string, ask func() limit.ConnectionStats) (g group) {
	open := g.gauge(kind+"_connections", "Open connections of "+whose+".")
	evicted := g.counter(kind+"_connections_evicted_total", "Connections of "+whose+" closed to make room for others.")
	refused := g.counter(kind+"_connections_refused_total", "Connections of "+whose+" for which there was no room.")
	g.read = func(to chan<- prometheus.Metric) {
		s := ask()
		open.is(to, float64(s.Open))
		evicted.is(to, float64(s.Evicted))
		refused.is(to, float64(s.Refused))
	}
	return g
}
