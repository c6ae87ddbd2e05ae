package config

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// load reads a configuration as serve does.
func load(t testing.TB, text string, environ ...string) (*Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "acmezone.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path, environ)
	if err == nil {
		err = c.Validate()
	}
	if err == nil {
		err = c.CheckServe()
	}
	return c, err
}

const minimal = "[zone]\nname = \"auth.test\"\n[api]\ntls = \"off\"\n[dns]\n"

func TestWrongConfigurations(t *testing.T) {
	for _, c := range []struct{ text, say string }{
		{"[zone]\nnam = \"x\"", "line 2: there is no key zone.nam; did you mean zone.name?"},
		{"[zon]\nname = \"x\"", "line 1: there is no key zon; did you mean zone?"},
		{"name = \"x\"", "line 1: there is no key name"},
		{"[zone]\nname = 1", "line 2: zone.name: it is a number, where a text in quotes belongs"},
		{"[zone]\nrecords = \"@ A 192.0.2.1\"", "line 2: zone.records: it is a text in quotes, where a list belongs"},
		{"zone = 1", "zone"},
		{"[zone]\nttl = \"soon\"", `line 2: zone.ttl: "soon" is not a duration`},
		{"[zone]\nttl = 3600", "zone.ttl"},
		{"[zone]\nname = \"a\"\nname = \"b\"", "line 3"},
		{"[zone", "line 1"},
		{minimal + "[dns]\n", "dns"},
		{minimal + "listen = []", "dns.listen is empty"},
		{minimal + "listen = [\"53\"]", `dns.listen: "53" is not an address`},
		{minimal + "listen = [\"localhost:53\"]", `dns.listen: "localhost:53" is not an address`},
		{minimal + "listen = [\"127.0.0.1:53\", \"127.0.0.1:53\"]", "is there twice"},
		{minimal + "listen = [\"127.0.0.1:66000\"]", "is not an address"},
		{"[zone]\nmax_values = 0", "zone.max_values: 0 is not from 1 to 100"},
		{"[zone]\nserial_policy = \"dat\"", `zone.serial_policy: "dat" is none of unixtime, date, increment; did you mean "date"?`},
		{"[zone]\nvalue_lifetime = \"1ms\"", "zone.value_lifetime"},
		{"[api]\ntls = \"on\"", `api.tls: "on" is none of`},
		{"[api]\ntls = \"files\"", "is missing"},
		{"[api]\nregistration = \"restrict\"", `did you mean "restricted"?`},
		{"[api]\nregister_from = [\"here\"]", `api.register_from: "here" is neither`},
		{"[api]\npath_prefix = \"acme/\"", `api.path_prefix: "acme/" is not a path`},
		{"[api]\ncors_origins = [\"panel\"]", `api.cors_origins: "panel" is not an origin`},
		{"[admin]\nsocket = \"" + strings.Repeat("a", 108) + "\"", "admin.socket"},
		{"[admin]\nlisten = \"x\"", "admin.listen"},
		{"[store]\npath = \"\"", "store.path is empty"},
		{"[publish]\ntimeout = \"0s\"", "publish.timeout"},
		{"[publish]\nunreachable = \"wait\"", "publish.unreachable"},
		{"[log]\nlevel = \"loud\"", "log.level"},
		{"[log]\nformat = \"xml\"", "log.format"},
		{"[zone]\nname = \"auth.test\"\n[api]\ntls = \"off\"\n", "nothing would answer: add the section [dns]"},
		{"[zone]\nname = \"auth.test\"\n[dns]\n", `api.tls = "acme" (the default) is not in this version yet`},
		{minimal + "[nsd]\n", "the section [nsd] is not in this version yet"},
		{minimal + "[publish]\nconfirm = [\"192.0.2.1:53\"]", "publish.confirm is not in this version yet"},
		{minimal + "[admin]\nlisten = \"127.0.0.1:9180\"", "admin.listen is not in this version yet"},
		{"[zone]\nname = \"a.test\"\n[dns]\n[api]\ntls = \"off\"\nlisten = [\"unix:/run/x\"]", "a unix socket in api.listen is not in this version yet"},
		{"[zone]\nname = \"a.test\"\n[dns]\n[api]\ntls = \"off\"\ntrusted_proxies = [\"192.0.2.1\"]", "api.trusted_proxies is not in this version yet"},
	} {
		_, err := load(t, c.text)
		switch {
		case err == nil:
			t.Errorf("%q: no error, want %q", c.text, c.say)
		case !strings.Contains(err.Error(), c.say) || strings.Contains(err.Error(), "\n"):
			t.Errorf("%q: %v\n  want %q, in one line", c.text, err, c.say)
		}
	}
}

func TestHarmlessKeysOfFeaturesToComeAreTaken(t *testing.T) {
	if _, err := load(t, "[zone]\nname = \"a.test\"\n[dns]\n[api]\ntls = \"off\"\nacme_email = \"a@b.test\"\n[publish]\nunreachable = \"fail\""); err != nil {
		t.Error(err)
	}
}

func TestDefaults(t *testing.T) {
	c, err := load(t, minimal)
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Zone.Name, want.API.Hostname, want.API.TLS = "auth.test", "auth.test", "off"
	want.API.RegisterFrom = []string{}
	want.DNS = &DNS{Listen: []string{"[::]:53"}}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
}

func TestRegisterFromDependsOnWhoMayStandInFront(t *testing.T) {
	for _, c := range []struct {
		api  string
		want int
	}{
		{`tls = "self-signed"`, 2},
		{`tls = "off"`, 0},
		{"tls = \"off\"\nregister_from = [\"192.0.2.0/24\"]", 1},
		{"tls = \"self-signed\"\nregister_from = []", 0},
	} {
		cfg, err := load(t, "[zone]\nname = \"a.test\"\n[dns]\n[api]\n"+c.api)
		if err != nil || len(cfg.API.RegisterFrom) != c.want {
			t.Errorf("%s: %v, %v", c.api, cfg.API.RegisterFrom, err)
		}
	}
}

func TestEnvironment(t *testing.T) {
	c, err := load(t, "[zone]\nname = \"a.test\"",
		"ACMEZONE_API_TLS=off", "ACMEZONE_DNS_LISTEN=127.0.0.1:1, 127.0.0.1:2", "ACMEZONE_ZONE_MAX_VALUES=3",
		"ACMEZONE_ZONE_VALUE_LIFETIME=7d", "ACMEZONE_ZONE_RECORDS=@ CAA 0 issue \"a, b\"\n@ A 192.0.2.1\n", "ACMEZONE_CONFIG=x", "HOME=/",
		"ACMEZONE_SERVICE_HOST=10.0.0.1", "ACMEZONE_DNS_PORT=tcp://10.0.0.1:53")
	if err != nil {
		t.Fatal(err)
	}
	if c.Zone.MaxValues != 3 || c.Zone.ValueLifetime != Duration(7*24*time.Hour) || len(c.DNS.Listen) != 2 || len(c.Zone.Records) != 2 {
		t.Errorf("%+v %+v", c.Zone, c.DNS)
	}
	for entry, say := range map[string]string{
		"ACMEZONE_ZONE_NAM=x":        "ACMEZONE_ZONE_NAM names no key; did you mean ACMEZONE_ZONE_NAME?",
		"ACMEZONE_ZONE_MAX_VALUES=x": `ACMEZONE_ZONE_MAX_VALUES: "x" is not a number`,
		"ACMEZONE_ZONE_TTL=x":        "ACMEZONE_ZONE_TTL: ",
		"ACMEZONE_API_LISTEN=":       "api.listen is empty",
	} {
		if _, err := load(t, minimal, entry); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v", entry, err)
		}
	}
}

func TestEnvironmentAlone(t *testing.T) {
	c, err := Load("", []string{"ACMEZONE_ZONE_NAME=a.test", "ACMEZONE_DNS_LISTEN=127.0.0.1:53"})
	if err != nil || c.Zone.Name != "a.test" || c.DNS == nil {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestDev(t *testing.T) {
	c, err := Dev("/tmp/x", []string{"ACMEZONE_API_LISTEN=127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CheckServe(); err != nil || c.API.Listen[0] != "127.0.0.1:0" || len(c.Warnings()) > 0 {
		t.Errorf("%v %+v %v", err, c.API, c.Warnings())
	}
	if _, err := Dev("/tmp/x", []string{"ACMEZONE_LOG_LEVEL=loud"}); err == nil {
		t.Error("the environment isn't checked")
	}
}

func TestMissingFile(t *testing.T) {
	for _, path := range []string{"/nowhere/acmezone.toml", t.TempDir()} {
		if _, err := Load(path, nil); err == nil || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
			t.Error(err)
		}
	}
}

// TestWrittenConfigurationReadsBack holds for whatever an operator may have set.
func TestWrittenConfigurationReadsBack(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		c := Default()
		c.Zone.Name = rapid.String().Draw(t, "name")
		c.Zone.Records = rapid.SliceOf(rapid.String()).Draw(t, "records")
		c.Zone.TTL = Duration(rapid.Int64Range(0, 1<<50).Draw(t, "ttl"))
		c.API.RegisterFrom = rapid.SliceOfN(rapid.String(), 0, 2).Draw(t, "from")
		c.API.Hostname = "h"
		if rapid.Bool().Draw(t, "dns") {
			c.DNS = &DNS{Listen: []string{"127.0.0.1:53"}}
		}
		var text bytes.Buffer
		if err := c.WriteTOML(&text); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "c.toml")
		if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		again, err := Load(path, nil)
		if err != nil {
			t.Fatalf("%v in\n%s", err, &text)
		}
		if diff := cmp.Diff(c, again); diff != "" {
			t.Fatalf("%s\n%s", diff, &text)
		}
	})
}

func FuzzLoad(f *testing.F) {
	f.Add(minimal)
	f.Add("[zone]\nname = 1")
	f.Add("zone.name = \"x\"\n[[dns]]")
	f.Add("[dns]\nlisten = [[\"a\"]]")
	f.Fuzz(func(t *testing.T, text string) {
		c := Default()
		if err := c.decode(text); err != nil {
			if strings.ContainsAny(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			return
		}
		c.complete()
		_ = c.Validate()
		_ = c.CheckServe()
		_ = c.Warnings()
	})
}

const example = "../../examples/acmezone.toml"

func TestExampleIsRight(t *testing.T) {
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := load(t, string(text)); err != nil {
		t.Error(err)
	}
}

// TestExampleHasEveryKeyAndItsDefault reads the example with every key that is
// commented out put in: it must be what the defaults say, and hold all keys.
func TestExampleHasEveryKeyAndItsDefault(t *testing.T) {
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	// Left out: what the example sets, and what it shows as an example only.
	shown := regexp.MustCompile(`(?m)^# (For example|An address for metrics).*(\n# .*)*`).ReplaceAllString(string(text), "")
	shown = regexp.MustCompile(`(?m)^(records|tls) = .*$`).ReplaceAllString(shown, "")
	shown = regexp.MustCompile(`(?m)^# (\[nsd\]|[a-z_]+ = ("[^"]*"|\[.*\]|[0-9]+))$`).ReplaceAllString(shown, "$1")
	c := &Config{}
	if err := c.decode(shown); err != nil {
		t.Fatalf("%v in\n%s", err, shown)
	}
	want := Default()
	want.Zone.Name, want.DNS, want.NSD = "auth.example.org", defaultDNS(), defaultNSD()
	want.API.RegisterFrom = loopback[:]
	want.API.TLS = "" // the example sets another one
	empty := func(s []string) bool { return len(s) == 0 }
	if diff := cmp.Diff(want, c, cmp.FilterValues(func(a, b []string) bool { return empty(a) && empty(b) }, cmp.Ignore())); diff != "" {
		t.Errorf("the example's defaults are not the program's:\n%s", diff)
	}
	eachKey(func(section, key string, _ []int) {
		_, rest, _ := strings.Cut(string(text), "["+section+"]")
		body, _, _ := strings.Cut(rest, "\n[")
		if !regexp.MustCompile(`(?m)^(# )?` + key + ` = `).MatchString(body) {
			t.Errorf("%s.%s is not in the example", section, key)
		}
	})
}
