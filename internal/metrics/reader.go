package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/acmezone/acmezone/internal/audit"
	"github.com/acmezone/acmezone/internal/dnsserve"
	"github.com/acmezone/acmezone/internal/limit"
	"github.com/acmezone/acmezone/internal/nsdctl"
	"github.com/acmezone/acmezone/internal/publish"
	"github.com/acmezone/acmezone/internal/zone"
)

// Sources are what is read when somebody asks. Each may be called at any time, by any
// number of goroutines; nil is a part that doesn't run.
type Sources struct {
	Pipeline func() publish.Stats
	Degraded func() []string
	Config   func() ConfigStatus
	Servers  func() []nsdctl.ServerStatus
	Audit    func() audit.Stats
	DNS      func() dnsserve.Stats        // the embedded server
	HTTP     func() limit.ConnectionStats // the API's connections
	// Certificate is that of the API.
	Certificate func() zone.CertificateStatus
	// Database is its path. The file is looked at, never opened: closing it would drop
	// the locks that SQLite has on it.
	Database string
}

// ConfigStatus says how what is in force differs from the configuration file.
type ConfigStatus struct {
	Refused bool // the file can't be taken up, or not yet
	Waiting int  // keys in it that take a restart
}

// reader is a collector of what is read from the sources.
type reader struct {
	groups []group
}

// group is a source's metrics.
type group struct {
	descs []*prometheus.Desc
	read  func(to chan<- prometheus.Metric)
}

// metric is one that is read.
type metric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func (m metric) is(to chan<- prometheus.Metric, value float64, labels ...string) {
	to <- prometheus.MustNewConstMetric(m.desc, m.kind, value, labels...)
}

func newReader(s Sources) *reader {
	r := &reader{}
	if s.Pipeline != nil {
		r.groups = append(r.groups, pipelineGroup(s.Pipeline))
	}
	if s.Degraded != nil {
		r.groups = append(r.groups, degradedGroup(s.Degraded))
	}
	if s.Config != nil {
		r.groups = append(r.groups, configGroup(s.Config))
	}
	if s.Servers != nil {
		r.groups = append(r.groups, serversGroup(s.Servers))
	}
	if s.Audit != nil {
		r.groups = append(r.groups, auditGroup(s.Audit))
	}
	if s.DNS != nil {
		tcp := func() limit.ConnectionStats { return s.DNS().Connections }
		r.groups = append(r.groups, dnsGroup(s.DNS), connectionsGroup("dns_tcp", "the embedded server over TCP", tcp))
	}
	if s.HTTP != nil {
		r.groups = append(r.groups, connectionsGroup("http", "the API and its requests over HTTP/2", s.HTTP))
	}
	if s.Certificate != nil {
		r.groups = append(r.groups, certificateGroup(s.Certificate))
	}
	if s.Database != "" {
		r.groups = append(r.groups, diskGroup(s.Database))
	}
	return r
}

// Describe implements prometheus.Collector.
func (r *reader) Describe(to chan<- *prometheus.Desc) {
	for _, g := range r.groups {
		for _, d := range g.descs {
			to <- d
		}
	}
}

// Collect implements prometheus.Collector.
func (r *reader) Collect(to chan<- prometheus.Metric) {
	for _, g := range r.groups {
		g.read(to)
	}
}

func (g *group) gauge(name, help string, labels ...string) metric {
	return g.metric(prometheus.GaugeValue, name, help, labels)
}

func (g *group) counter(name, help string, labels ...string) metric {
	return g.metric(prometheus.CounterValue, name, help, labels)
}

func (g *group) metric(kind prometheus.ValueType, name, help string, labels []string) metric {
	m := metric{prometheus.NewDesc(namespace+"_"+name, help, labels, nil), kind}
	g.descs = append(g.descs, m.desc)
	return m
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
