package metrics

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"

	"github.com/acmezone/acmezone/internal/audit"
	"github.com/acmezone/acmezone/internal/dnsserve"
	"github.com/acmezone/acmezone/internal/limit"
	"github.com/acmezone/acmezone/internal/nsdctl"
	"github.com/acmezone/acmezone/internal/publish"
	"github.com/acmezone/acmezone/internal/zone"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// full returns metrics of a service that has everything, so that each has a value.
func full(t *testing.T) *Metrics {
	t.Helper()
	database := filepath.Join(t.TempDir(), "acmezone.db")
	for path, size := range map[string]int{database: 4096, database + "-wal": 32} {
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m := New(Build{"1.2.3", "abc"}, Sources{
		Pipeline: func() publish.Stats {
			return publish.Stats{Serial: 7, LiveNames: 3, Queued: 1, Waiting: 2, Fault: errors.New("late"), Publishers: []publish.PublisherStats{
				{Name: "dns", Ready: true, Serial: 7}, {Name: "nsd", Ready: true, Serial: 6, Behind: 1500 * time.Millisecond, Failing: true},
			}}
		},
		Degraded: func() []string { return []string{"passed over: 192.0.2.2:53"} },
		Config:   func() ConfigStatus { return ConfigStatus{Refused: true, Waiting: 2} },
		Servers: func() []nsdctl.ServerStatus {
			return []nsdctl.ServerStatus{
				{Server: "192.0.2.1:53", Serial: 7, Known: true, InSync: true},
				{Server: "192.0.2.2:53", Behind: time.Minute, Skipped: true},
			}
		},
		DNS: func() dnsserve.Stats {
			return dnsserve.Stats{UDP: dnsserve.Answers{0: 5, 5: 2}, TCP: dnsserve.Answers{0: 1}, Dropped: 1, RateLimited: 2, Slipped: 3, CookiesValid: 4}
		},
		HTTP:  func() limit.ConnectionStats { return limit.ConnectionStats{Open: 3, Evicted: 2, Refused: 1} },
		Audit: func() audit.Stats { return audit.Stats{Written: 10, Failed: 1, LeftOut: 5} },
		Certificate: func() zone.CertificateStatus {
			return zone.CertificateStatus{NotAfter: time.Unix(1000, 0), LastTry: time.Unix(500, 0), LastError: "it is down", Failures: 2, NextTry: time.Unix(600, 0)}
		},
		Database: database,
	})
	m.Answered("update", 200, time.Millisecond)
	m.Answered("other", 404, time.Millisecond)
	m.Committed([]zone.Change{zone.SetValue{}, zone.Register{}, zone.RemoveAccount{}},
		[]error{nil, zone.ErrNotStored, zone.ErrNoAccount}, 2*time.Millisecond)
	m.Published("nsd", time.Millisecond, errors.New("it is down"))
	m.Published("nsd", time.Millisecond, zone.ErrOvertaken)
	m.Published("dns", time.Millisecond, nil)
	return m
}

func TestLint(t *testing.T) {
	problems, err := testutil.GatherAndLint(full(t).registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestValues(t *testing.T) {
	err := testutil.GatherAndCompare(full(t).registry, strings.NewReader(`
# HELP acmezone_audit_left_out_total Refusals that were too many to be written to the audit log.
# TYPE acmezone_audit_left_out_total counter
acmezone_audit_left_out_total 5
# HELP acmezone_certificate_not_after_timestamp_seconds When the API's certificate expires, in Unix time.
# TYPE acmezone_certificate_not_after_timestamp_seconds gauge
acmezone_certificate_not_after_timestamp_seconds 1000
# HELP acmezone_certificate_renewal_failed_timestamp_seconds When the last try to get the API's certificate failed, in Unix time; 0 where it didn't.
# TYPE acmezone_certificate_renewal_failed_timestamp_seconds gauge
acmezone_certificate_renewal_failed_timestamp_seconds 500
# HELP acmezone_certificate_renewal_failures Tries to get the API's certificate that failed since the last that didn't.
# TYPE acmezone_certificate_renewal_failures gauge
acmezone_certificate_renewal_failures 2
# HELP acmezone_changes_total Changes of accounts, values and tokens, by kind and result.
# TYPE acmezone_changes_total counter
acmezone_changes_total{kind="account_remove",result="refused"} 1
acmezone_changes_total{kind="register",result="failed"} 1
acmezone_changes_total{kind="register",result="ok"} 0
acmezone_changes_total{kind="update",result="ok"} 1
# HELP acmezone_config_refused Whether the configuration file can't be taken up, so that the one from before is in force.
# TYPE acmezone_config_refused gauge
acmezone_config_refused 1
# HELP acmezone_config_waiting_keys Keys of the configuration file that have changed and take effect when the service is restarted.
# TYPE acmezone_config_waiting_keys gauge
acmezone_config_waiting_keys 2
# HELP acmezone_database_size_bytes Size of the database file.
# TYPE acmezone_database_size_bytes gauge
acmezone_database_size_bytes 4096
# HELP acmezone_database_wal_size_bytes Size of the database's write-ahead log.
# TYPE acmezone_database_wal_size_bytes gauge
acmezone_database_wal_size_bytes 32
# HELP acmezone_dns_answers_total Answers of the embedded server, by response code and transport.
# TYPE acmezone_dns_answers_total counter
acmezone_dns_answers_total{rcode="NOERROR",transport="tcp"} 1
acmezone_dns_answers_total{rcode="NOERROR",transport="udp"} 5
acmezone_dns_answers_total{rcode="REFUSED",transport="udp"} 2
# HELP acmezone_healthy Whether the database takes writes and everything durable is published in time, as /health says.
# TYPE acmezone_healthy gauge
acmezone_healthy 0
# HELP acmezone_http_requests_total Requests to the API, by endpoint and status code.
# TYPE acmezone_http_requests_total counter
acmezone_http_requests_total{code="200",endpoint="update"} 1
acmezone_http_requests_total{code="404",endpoint="other"} 1
# HELP acmezone_nameserver_behind_seconds How long ago the name server was last in sync, to a few seconds.
# TYPE acmezone_nameserver_behind_seconds gauge
acmezone_nameserver_behind_seconds{server="192.0.2.1:53"} 0
acmezone_nameserver_behind_seconds{server="192.0.2.2:53"} 60
# HELP acmezone_nameserver_in_sync Whether the name server answered the zone's serial when it was last asked.
# TYPE acmezone_nameserver_in_sync gauge
acmezone_nameserver_in_sync{server="192.0.2.1:53"} 1
acmezone_nameserver_in_sync{server="192.0.2.2:53"} 0
# HELP acmezone_nameserver_serial The serial that the name server answered last.
# TYPE acmezone_nameserver_serial gauge
acmezone_nameserver_serial{server="192.0.2.1:53"} 7
# HELP acmezone_publish_failures_total Tries to publish that failed.
# TYPE acmezone_publish_failures_total counter
acmezone_publish_failures_total{publisher="dns"} 0
acmezone_publish_failures_total{publisher="nsd"} 1
# HELP acmezone_publisher_behind_seconds How long the oldest change that the publisher's name servers don't answer has been durable.
# TYPE acmezone_publisher_behind_seconds gauge
acmezone_publisher_behind_seconds{publisher="dns"} 0
acmezone_publisher_behind_seconds{publisher="nsd"} 1.5
`), "acmezone_audit_left_out_total", "acmezone_certificate_not_after_timestamp_seconds",
		"acmezone_certificate_renewal_failed_timestamp_seconds", "acmezone_certificate_renewal_failures", "acmezone_changes_total",
		"acmezone_config_refused", "acmezone_config_waiting_keys", "acmezone_database_size_bytes", "acmezone_database_wal_size_bytes", "acmezone_dns_answers_total", "acmezone_healthy", "acmezone_http_requests_total",
		"acmezone_nameserver_behind_seconds", "acmezone_nameserver_in_sync", "acmezone_nameserver_serial",
		"acmezone_publish_failures_total", "acmezone_publisher_behind_seconds")
	if err != nil {
		t.Error(err)
	}
}

// fewValued are the labels that there are: each has a handful of values, whatever clients
// do. The servers are the operator's own.
var fewValued = []string{"endpoint", "code", "kind", "result", "publisher", "server", "rcode", "transport", "version", "commit", "goversion"}

func TestLabelsAreFew(t *testing.T) {
	for name, family := range families(t) {
		if !strings.HasPrefix(name, namespace) {
			continue
		}
		for _, metric := range family.Metric {
			for _, label := range metric.Label {
				if !slices.Contains(fewValued, label.GetName()) {
					t.Errorf("%s has the label %s", name, label.GetName())
				}
			}
		}
	}
}

// TestPartsThatDontRun have no metrics.
func TestPartsThatDontRun(t *testing.T) {
	m := New(Build{}, Sources{})
	all, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range all {
		if strings.Contains(family.GetName(), "audit") || strings.Contains(family.GetName(), "nameserver") {
			t.Errorf("there is %s", family.GetName())
		}
	}
}

func families(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	all, err := full(t).registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	byName := make(map[string]*dto.MetricFamily)
	for _, family := range all {
		byName[family.GetName()] = family
	}
	return byName
}
