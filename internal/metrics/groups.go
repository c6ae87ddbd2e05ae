package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/acmezone/acmezone/internal/audit"
	"github.com/acmezone/acmezone/internal/nsdctl"
	"github.com/acmezone/acmezone/internal/publish"
	"github.com/acmezone/acmezone/internal/zone"
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

func configGroup(ask func() ConfigStatus) (g group) {
	refused := g.gauge("config_refused", "Whether the configuration file can't be taken up, so that the one from before is in force.")
	waiting := g.gauge("config_waiting_keys", "Keys of the configuration file that have changed and take effect when the service is restarted.")
	g.read = func(to chan<- prometheus.Metric) {
		s := ask()
		refused.is(to, truth(s.Refused))
		waiting.is(to, float64(s.Waiting))
	}
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

func certificateGroup(ask func() zone.CertificateStatus) (g group) {
	notAfter := g.gauge("certificate_not_after_timestamp_seconds", "When the API's certificate expires, in Unix time.")
	notBefore := g.gauge("certificate_not_before_timestamp_seconds", "When the API's certificate began to be valid, in Unix time.")
	selfSigned := g.gauge("certificate_self_signed", "Whether the service has signed the API's certificate itself.")
	notStored := g.gauge("certificate_not_stored", "Whether the API's certificate couldn't be stored, so that a restart would lose it.")
	failures := g.gauge("certificate_renewal_failures", "Tries to get the API's certificate that failed since the last that didn't.")
	failed := g.gauge("certificate_renewal_failed_timestamp_seconds", "When the last try to get the API's certificate failed, in Unix time; 0 where it didn't.")
	next := g.gauge("certificate_next_renewal_timestamp_seconds", "When the next try to get the API's certificate is due, in Unix time; 0 where none is.")
	g.read = func(to chan<- prometheus.Metric) {
		c := ask()
		if !c.NotAfter.IsZero() {
			notAfter.is(to, unixSeconds(c.NotAfter))
			notBefore.is(to, unixSeconds(c.NotBefore))
		}
		selfSigned.is(to, truth(c.SelfSigned))
		notStored.is(to, truth(c.NotStored != ""))
		failures.is(to, float64(c.Failures))
		if c.LastError == "" {
			c.LastTry = time.Time{}
		}
		failed.is(to, unixSeconds(c.LastTry))
		next.is(to, unixSeconds(c.NextTry))
	}
	return g
}

// unixSeconds is a time as Prometheus has it, 0 for none.
func unixSeconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
