package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDifferencesAndWith(t *testing.T) {
	before, after := Default(), Default()
	before.DNS, after.DNS = defaultDNS(), defaultDNS()
	after.Zone.Records = []string{"@ A 192.0.2.1"}
	after.Publish.Timeout = Duration(time.Second)
	after.Publish.Confirm = []string{}
	after.DNS.RateLimit = 5
	after.NSD = defaultNSD()
	want := []string{"zone.records", "dns.rate_limit", "nsd", "publish.confirm", "publish.timeout"}
	if diff := cmp.Diff(want, before.Differences(after)); diff != "" {
		t.Error(diff)
	}
	merged := before.With(after, []string{"zone.records", "dns.rate_limit", "nsd.config", "nsd"})
	if diff := cmp.Diff([]string{"zone.records", "dns.rate_limit"}, before.Differences(merged)); diff != "" {
		t.Error(diff)
	}
	if diff := before.Differences(before.With(after, nil)); len(diff) > 0 {
		t.Errorf("what was merged into is changed: %v", diff)
	}
}
