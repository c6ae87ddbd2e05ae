package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/acmezone/acmezone/internal/audit"
	"github.com/acmezone/acmezone/internal/nsdctl"
	"github.com/acmezone/acmezone/internal/publish"
)

func pipelineGroup(ask func() publish.Stats) (g group) {
	serial := g.gauge("zone_serial", "The zone's serial, of what is durable.")
	names := g.gauge("live_names", "Names that have a value.")
	healthy := g.gauge("healthy", "Whether the database takes writes and everything durable is published in time, as /health says.")
	queued := g.gauge("queued_changes", "Changes that wait for the next transaction.")
	waiting := g.gauge("waiting_requests", "Requests whose change is durable and not answered by every name server yet.")
	ready := g.gauge("publisher_ready", "Whether the publisher has published anything since the start.", "publisher")
	reached := g.gauge("publisher_serial", "The serial that all of the publisher's name servers answer.", "publisher")
	behind := g.gauge("publisher_behind_seconds", "How long the oldest change that the publisher's name servers don't answer has been durable.", "publisher")
	failing := g.gauge("publisher_failing", "Whether the publisher's last try failed.", "publisher")
	g.read = func(to chan<- prometheus.Metric) {
		s := ask()
		serial.is(to, float64(s.Serial))
		names.is(to, float64(s.LiveNames))
		healthy.is(to, truth(s.Fault == nil))
		queued.is(to, float64(s.Queued))
		waiting.is(to, float64(s.Waiting))
		for _, p := range s.Publishers {
			ready.is(to, truth(p.Ready), p.Name)
			reached.is(to, float64(p.Serial), p.Name)
			behind.is(to, p.Behind.Seconds(), p.Name)
			failing.is(to, truth(p.Failing), p.Name)
		}
	}
	return g
}

func degradedGroup(ask func() []string) (g group) {
	degraded := g.gauge("degraded_parts", "What the service does without although it does its work, as /health lists it.")
	g.read = func(to chan<- prometheus.Metric) { degraded.is(to, float64(len(ask()))) }
	return g
}

func serversGroup(ask func() []nsdctl.ServerStatus) (g group) {
	serial := g.gauge("nameserver_serial", "The serial that the name server answered last.", "server")
	sync := g.gauge("nameserver_in_sync", "Whether the name server answered the zone's serial when it was last asked.", "server")
	behind := g.gauge("nameserver_behind_seconds", "How long ago the name server was last in sync, to a few seconds.", "server")
	skipped := g.gauge("nameserver_skipped", "Whether the name server gives no answer and updates are answered without it.", "server")
	g.read = func(to chan<- prometheus.Metric) {
		for _, s := range ask() {
			if s.Known {
				serial.is(to, float64(s.Serial), s.Server)
			}
			sync.is(to, truth(s.InSync), s.Server)
			behind.is(to, s.Behind.Seconds(), s.Server)
			skipped.is(to, truth(s.Skipped), s.Server)
		}
	}
	return g
}

func auditGroup(ask func() audit.Stats) (g group) {
	written := g.counter("audit_lines_total", "Lines written to the audit log.")
	failed := g.counter("audit_write_failures_total", "Lines that could not be written to the audit log.")
	leftOut := g.counter("audit_left_out_total", "Refusals that were too many to be written to the audit log.")
	g.read = func(to chan<- prometheus.Metric) {
		s := ask()
		written.is(to, float64(s.Written))
		failed.is(to, float64(s.Failed))
		leftOut.is(to, float64(s.LeftOut))
	}
	return g
}

// Certificate is what is known of the API's certificate.
type Certificate struct {
	NotAfter time.Time // zero: there is none
	Failed   time.Time // when a renewal failed last; zero: the last one didn't
}

func certificateGroup(ask func() Certificate) (g group) {
	notAfter := g.gauge("certificate_not_after_timestamp_seconds", "When the API's certificate expires, in Unix time.")
	failed := g.gauge("certificate_renewal_failed_timestamp_seconds", "When the renewal of the API's certificate failed last, in Unix time; 0 where the last one succeeded.")
	g.read = func(to chan<- prometheus.Metric) {
		c := ask()
		if !c.NotAfter.IsZero() {
			notAfter.is(to, float64(c.NotAfter.Unix()))
		}
		if c.Failed.IsZero() {
			failed.is(to, 0)
			return
		}
		failed.is(to, float64(c.Failed.UnixMilli())/1000)
	}
	return g
}
