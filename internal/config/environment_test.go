package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEnvironment(t *testing.T) {
	c, fault := load(t, "[zone]\nname = \"a.test\"\nmax_values = 200",
		"ACMEZONE_API_TLS=off", "ACMEZONE_DNS_LISTEN=127.0.0.1:1, 127.0.0.1:2", "ACMEZONE_ZONE_MAX_VALUES=3",
		"ACMEZONE_ZONE_VALUE_LIFETIME=7d", "ACMEZONE_CONFIG=x", "ACMEZONE_SERVER=y", "ACMEZONE_TOKEN=z", "HOME=/",
		"ACMEZONE_SERVICE_HOST=10.0.0.1", "ACMEZONE_DNS_PORT=tcp://10.0.0.1:53")
	if fault != "" {
		t.Fatal(fault)
	}
	if c.Zone.MaxValues != 3 || c.Zone.ValueLifetime != Duration(7*24*time.Hour) {
		t.Errorf("%+v", c.Zone)
	}
	if diff := cmp.Diff([]string{"127.0.0.1:1", "127.0.0.1:2"}, c.DNS.Listen); diff != "" {
		t.Error(diff)
	}
}

func TestWrongEnvironment(t *testing.T) {
	for entry, say := range map[string]string{
		"ACMEZONE_ZONE_NAM=x":          "ACMEZONE_ZONE_NAM names no key; did you mean ACMEZONE_ZONE_NAME?",
		"ACMEZONE_ZOEN_TTL=1h":         "ACMEZONE_ZOEN_TTL names no key; did you mean ACMEZONE_ZONE_TTL?",
		"ACMEZONE_ZONE_MAX_VALUES=x":   `ACMEZONE_ZONE_MAX_VALUES: "x" is not a whole number`,
		"ACMEZONE_ZONE_MAX_VALUES=101": "ACMEZONE_ZONE_MAX_VALUES: zone.max_values: 101 is not from 1 to 100",
		"ACMEZONE_ZONE_TTL=x":          `ACMEZONE_ZONE_TTL: "x" is not a duration such as "1s", "24h" or "7d"`,
		"ACMEZONE_DNS_LISTEN=":         `ACMEZONE_DNS_LISTEN: dns.listen is empty: name an address such as "198.51.100.1:53" or "[::]:443"`,
		"ACMEZONE_NSD_CONFIG=":         "ACMEZONE_NSD_CONFIG: nsd.config is empty: name NSD's configuration file",
	} {
		if _, said := load(t, minimal, entry); said != "environment: "+say {
			t.Errorf("%s:\n  said %s\n  want environment: %s", entry, said, say)
		}
	}
}

func TestEnvironmentAlone(t *testing.T) {
	c, err := Load("", []string{"ACMEZONE_ZONE_NAME=a.test", "ACMEZONE_API_TLS=self-signed", "ACMEZONE_DNS_LISTEN=127.0.0.1:53"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Validate() != nil || c.CheckServe() != nil || c.API.Hostname != "a.test" {
		t.Errorf("%+v", c)
	}
	if c.NSD != nil {
		t.Error("a section out of nothing")
	}
}

func TestListsInTheEnvironment(t *testing.T) {
	for value, want := range map[string][]string{
		"":                                  {},
		"a":                                 {"a"},
		"a, b,":                             {"a", "b"},
		`@ CAA 0 issue "a, b", @ A 1.2.3.4`: {`@ CAA 0 issue "a, b"`, "@ A 1.2.3.4"},
		"@ TXT a,b\n@ A 1.2.3.4\n":          {"@ TXT a,b", "@ A 1.2.3.4"},
	} {
		if diff := cmp.Diff(want, splitList(value)); diff != "" {
			t.Errorf("%q: %s", value, diff)
		}
	}
}
