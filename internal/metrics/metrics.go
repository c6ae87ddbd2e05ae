// Package metrics is what Prometheus is told of the service. Most of it is read from the
// parts of the service when somebody asks; what has to be counted as it happens, they
// report through the interfaces that they declare themselves. Labels have few values:
// none is an account, a domain or a client's address.
package metrics

import (
	"net/http"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const namespace = "acmezone"

// Metrics are those of one service. Its methods may be called by any number of
// goroutines.
type Metrics struct {
	registry *prometheus.Registry

	requests     *prometheus.CounterVec
	requestTime  *prometheus.HistogramVec
	changes      *prometheus.CounterVec
	batch        prometheus.Histogram
	commitTime   prometheus.Histogram
	commitFailed prometheus.Counter
	publishTime  *prometheus.HistogramVec
	publishFails *prometheus.CounterVec
}

// Build says what is running.
type Build struct{ Version, Commit string }

// New returns the metrics of a service, in a registry of their own. The sources are asked
// when the metrics are.
func New(build Build, sources Sources) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.requests = counters("http_requests_total", "Requests to the API, by endpoint and status code.", "endpoint", "code")
	m.requestTime = histograms("http_request_duration_seconds", "How long requests to the API took, waiting for the name servers included.", answerTimes, "endpoint")
	m.changes = counters("changes_total", "Changes of accounts, values and tokens, by kind and result.", "kind", "result")
	m.batch = histogram("commit_changes", "Changes in one transaction.", prometheus.ExponentialBuckets(1, 2, 11))
	m.commitTime = histogram("commit_duration_seconds", "How long transactions took, the sync to the disk included.", prometheus.ExponentialBuckets(0.0005, 2, 14))
	m.commitFailed = counter("commit_failures_total", "Transactions that the database did not take.")
	m.publishTime = histograms("publish_duration_seconds", "How long it took until a publisher's name servers answered what was new, failures included.", answerTimes, "publisher")
	m.publishFails = counters("publish_failures_total", "Tries to publish that failed.", "publisher")
	m.registry.MustRegister(
		m.requests, m.requestTime, m.changes, m.batch, m.commitTime, m.commitFailed, m.publishTime, m.publishFails,
		newReader(sources), buildInfo(build),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	for _, kind := range []string{"register", "update"} {
		m.changes.WithLabelValues(kind, "ok") // so that they are 0 before the first, not absent
	}
	return m
}

// answerTimes fit the embedded server's microseconds as well as an NSD with a million
// names; in seconds.
var answerTimes = []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func histogram(name, help string, buckets []float64) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets})
}

func histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
}

// buildInfo is a gauge that is always 1 and says the rest in its labels.
func buildInfo(build Build) prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "What is running; always 1.",
		ConstLabels: prometheus.Labels{"version": build.Version, "commit": build.Commit, "goversion": runtime.Version()},
	})
	g.Set(1)
	return g
}

// maxScrapes is how many may read at the same time; the others are turned away.
const maxScrapes = 4

// Handler answers with all metrics, in the form that is asked for.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes, ErrorHandling: promhttp.ContinueOnError})
}
