package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// load reads a configuration as serve does. It is in a file of its own folder, so
// that the errors, from which the folder is taken away, are the same everywhere.
func load(t testing.TB, text string, environ ...string) (*Config, string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "acmezone.toml")
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
	if err == nil {
		return c, ""
	}
	return c, strings.TrimPrefix(err.Error(), dir+"/")
}

// minimal is the least that serve takes; [dns] is line 5.
const minimal = "[zone]\nname = \"auth.test\"\n[api]\ntls = \"off\"\n[dns]\n"

var ignoreOrigin = cmpopts.IgnoreUnexported(Config{})

func TestDefaults(t *testing.T) {
	c, fault := load(t, minimal)
	if fault != "" {
		t.Fatal(fault)
	}
	want := Default()
	want.Zone.Name, want.API.Hostname, want.API.TLS = "auth.test", "auth.test", "off"
	want.API.RegisterFrom, want.Limits.Exempt = []string{}, []string{}
	want.DNS = defaultDNS()
	if diff := cmp.Diff(want, c, ignoreOrigin); diff != "" {
		t.Error(diff)
	}
}

func TestRegisterFromDependsOnWhoMayStandInFront(t *testing.T) {
	for _, c := range []struct {
		api  string
		want []string
	}{
		{`tls = "self-signed"`, loopback()},
		{`tls = "off"`, []string{}},
		{"tls = \"self-signed\"\ntrusted_proxies = [\"192.0.2.1\"]", []string{}},
		{"tls = \"self-signed\"\nlisten = [\"/run/acmezone/api.sock\"]", []string{}},
		{"tls = \"off\"\nregister_from = [\"192.0.2.0/24\"]", []string{"192.0.2.0/24"}},
		{"tls = \"self-signed\"\nregister_from = []", []string{}},
	} {
		cfg, _ := load(t, "[zone]\nname = \"a.test\"\n[dns]\n[api]\n"+c.api)
		if diff := cmp.Diff(c.want, cfg.API.RegisterFrom); diff != "" {
			t.Errorf("%s: %s", c.api, diff)
		}
		if want := c.want; !strings.Contains(c.api, "register_from") {
			if diff := cmp.Diff(want, cfg.Limits.Exempt); diff != "" {
				t.Errorf("limits, %s: %s", c.api, diff)
			}
		}
	}
}

func TestHostnameIsTheZonesWithoutTheDot(t *testing.T) {
	c, fault := load(t, "[zone]\nname = \"auth.test.\"\n[api]\ntls = \"off\"\n[dns]\n")
	if fault != "" || c.API.Hostname != "auth.test" {
		t.Error(c.API.Hostname, fault)
	}
}

func TestHarmlessKeysOfFeaturesToComeAreTaken(t *testing.T) {
	_, fault := load(t, "[zone]\nname = \"a.test\"\n[dns]\n[api]\ntls = \"off\"\nacme_email = \"a@b.test\"\n[publish]\nunreachable = \"fail\"")
	if fault != "" {
		t.Error(fault)
	}
}

// TestCommandsNeedNothingThatAnswers: 'acmezone zone' works with a configuration
// that serve refuses.
func TestCommandsNeedNothingThatAnswers(t *testing.T) {
	c, fault := load(t, "[zone]\nname = \"a.test\"")
	if fault == "" {
		t.Error("serve takes it")
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

// TestDefaultsAreNobodysElse: what one configuration does to its lists is not seen
// in the next.
func TestDefaultsAreNobodysElse(t *testing.T) {
	for range 2 {
		c, err := Load("", []string{"ACMEZONE_API_TLS=self-signed", "ACMEZONE_DNS_LISTEN=127.0.0.1:1"})
		if err != nil || c.API.RegisterFrom[0] != "127.0.0.0/8" || c.API.Listen[0] != "[::]:443" {
			t.Fatal(err, c.API)
		}
		c.API.RegisterFrom[0], c.API.Listen[0] = "changed", "changed"
	}
}

func TestDev(t *testing.T) {
	c, err := Dev("/tmp/x", []string{"ACMEZONE_API_LISTEN=127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CheckServe(); err != nil || len(c.Warnings()) > 0 {
		t.Error(err, c.Warnings())
	}
	if diff := cmp.Diff([]string{"127.0.0.1:0"}, c.API.Listen); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(loopback(), c.API.RegisterFrom); diff != "" {
		t.Error(diff)
	}
	if _, err := Dev("/tmp/x", []string{"ACMEZONE_LOG_LEVEL=loud"}); err == nil {
		t.Error("the environment isn't checked")
	}
}

func TestWarnings(t *testing.T) {
	for _, c := range []struct{ text, say string }{
		{"[api]\nregistration = \"open\"", "api.registration is open"},
		{"[api]\nregistration = \"open\"\nlisten = [\"127.0.0.1:8053\"]", ""},
		{"[api]\nregister_from = [\"::/0\"]", "api.register_from holds every address"},
		{"[api]\nregister_from = [\"::1\"]", ""},
		{"[api]\ntrusted_proxies = [\"0.0.0.0/0\"]", "api.trusted_proxies holds every address"},
		{"[api]\ntls = \"off\"\ntrusted_proxies = [\"192.0.2.1\"]", "api.tls is off"},
		{"[api]\ntls = \"off\"\nlisten = [\"127.0.0.1:8053\"]", ""},
		{"[api]\ntls = \"off\"\nlisten = [\"/run/x\"]", "api.trusted_proxies is empty"},
		{"[api]\ntls = \"off\"\nlisten = [\"/run/x\"]\ntrusted_proxies = [\"unix\"]", ""},
		{"[api]\ntls = \"off\"\nlisten = [\"127.0.0.1:8053\"]\n[limits]\nexempt = [\"::1\"]", ""},
		{"[api]\nlisten = [\"127.0.0.1:8443\"]", "api.listen is for this machine alone"},
		{"[api]\nlisten = [\"127.0.0.1:8443\"]\ntrusted_proxies = [\"127.0.0.1\"]", ""},
		{"[api]\nlisten = [\"127.0.0.1:8443\"]\nregister_from = []", ""},
		{"[api]\ncert_file = \"c.pem\"", "api.cert_file and api.key_file are not used"},
		{"[zone]\nchallenge_ttl = \"2m\"", "zone.challenge_ttl is 2m"},
		{"[zone]\nnegative_ttl = \"1h\"", "zone.negative_ttl is 1h"},
		{"[zone]\nmax_values = 7", "zone.max_values is 7"},
	} {
		cfg, _ := load(t, c.text)
		said := strings.Join(cfg.Warnings(), "\n")
		if c.say == "" && said != "" || !strings.HasPrefix(said, c.say) || strings.Contains(said, "\n") {
			t.Errorf("%q: %q, want %q", c.text, said, c.say)
		}
	}
}
