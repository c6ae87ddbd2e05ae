package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWrongConfigurations has what an operator reads, word for word: where, which
// key, which value, what is allowed.
func TestWrongConfigurations(t *testing.T) {
	long := strings.Repeat("a", 108)
	for _, c := range []struct{ text, say string }{
		// No TOML.
		{"[zone", "line 1: expected '.' or ']' to end table name, but got the end of the file instead"},
		{"[zone]\nname = auth.test", `line 2: zone.name: expected value but found "auth" instead`},
		{"[zone]\nname = \"a\nb\"", "line 2: zone.name: strings cannot contain newlines"},
		{"[zone]\nname = \"\xff\"", "line 2: zone.name: invalid UTF-8 byte: 0xff"},
		{"[zone]\nname = \"a\"\nname = \"b\"", "line 3: Key 'zone.name' has already been defined"},
		{minimal + "[dns]\n", "line 6: Key 'dns' has already been defined"},
		{"[zone]\nmax_values = 99999999999999999999", "line 2: zone.max_values: 99999999999999999999 is out of range for int64"},

		// Keys that aren't there.
		{"[zone]\nnam = \"x\"", "line 2: there is no key zone.nam; did you mean zone.name?"},
		{"[zon]\nname = \"x\"", "line 1: there is no key zon; did you mean zone?"},
		{"[Zone]\nname = \"x\"", "line 1: there is no key Zone; did you mean zone?"},
		{"[zone]\nname = \"x\"\nName = \"y\"", "line 3: there is no key zone.Name; did you mean zone.name?"},
		{"name = \"x\"", "line 1: there is no key name; did you mean zone.name?"},
		{"[api]\nmax_values = 6", "line 2: there is no key api.max_values; did you mean zone.max_values?"},
		{"# name\n\n[ dns ] # here\n  listn = []", "line 4: there is no key dns.listn; did you mean dns.listen?"},
		{"dns.listn = []", "line 1: there is no key dns.listn; did you mean dns.listen?"},
		{"[zone]\ndns = { listen = [\"a\"] }", "line 2: there is no key zone.dns"},
		{"[zone]\n\"na me\" = 1", "line 1: there is no key zone.\"na me\"; did you mean zone.name?"},
		{"[transfer]\nlisten = []", "line 1: there is no key transfer"},

		// Values of the wrong type.
		{"zone = 1", "line 1: zone: 1 is a number, where a section belongs"},
		{"[[dns]]\nlisten = []", "line 1: dns: a list is there, where a section belongs"},
		{"[zone]\nname = 1", "line 2: zone.name: 1 is a number, where a text in quotes belongs"},
		{"[zone]\nname = true", "line 2: zone.name: true is not a text in quotes"},
		{"[zone]\nname = 2026-01-01", "line 2: zone.name: a date is there, where a text in quotes belongs"},
		{"[zone.name]", "line 1: zone.name: a section is there, where a text in quotes belongs"},
		{"[zone]\nrecords = \"@ A 192.0.2.1\"", `line 2: zone.records: "@ A 192.0.2.1" is a text, where a list of texts belongs`},
		{"[zone]\nrecords = [1]", "line 2: zone.records: 1 is a number, where a text in quotes belongs"},
		{"[dns]\nlisten = [[\"a\"]]", "line 2: dns.listen: a list is there, where a text in quotes belongs"},
		{"[zone]\nmax_values = 1.5", "line 2: zone.max_values: 1.5 is a number with a fraction, where a whole number belongs"},
		{"[zone]\nmax_values = \"6\"", `line 2: zone.max_values: "6" is a text, where a whole number belongs`},
		{"[zone]\nttl = \"soon\"", `line 2: zone.ttl: "soon" is not a duration such as "1s", "24h" or "7d"`},
		{"[zone]\nttl = 3600", `line 2: zone.ttl: "3600" is not a duration such as "1s", "24h" or "7d"`},
		{"[zone]\nttl = \"-1s\"", `line 2: zone.ttl: "-1s" is not a duration such as "1s", "24h" or "7d"`},
		{"[zone]\nttl = \"99999d\"", `line 2: zone.ttl: "99999d" is not a duration such as "1s", "24h" or "7d"`},
		{"[zone]\nttl = []", `line 2: zone.ttl: a list is there, where a duration such as "24h" belongs`},

		// Values that make no sense.
		{"[zone]\nmax_values = 0", "line 2: zone.max_values: 0 is not from 1 to 100"},
		{"[zone]\nserial_policy = \"dat\"", `line 2: zone.serial_policy: "dat" is none of unixtime, date, increment; did you mean "date"?`},
		{"[zone]\nvalue_lifetime = \"1ms\"", `line 2: zone.value_lifetime: 1ms is under a second; "0" keeps values for ever`},
		{"[store]\npath = \"\"", "line 2: store.path is empty: name the database file"},
		{"[api]\nlisten = []", `line 2: api.listen is empty: name an address such as "198.51.100.1:53" or "[::]:443"`},
		{"[api]\nlisten = [\"/" + long + "\"]", `line 2: api.listen: "/` + long + `" is longer than the 107 octets that a socket's path may have`},
		{"[api]\nhostname = \"auth example\"", `line 2: api.hostname: "auth example" is not a host name such as "auth.example.org"`},
		{"[api]\nhostname = \"https://auth.test\"", `line 2: api.hostname: "https://auth.test" is not a host name such as "auth.example.org"`},
		{"[api]\ntls = \"on\"", `line 2: api.tls: "on" is none of acme, files, self-signed, off`},
		{"[api]\ntls = \"files\"", `line 1: api.cert_file is missing: tls = "files" needs api.cert_file and api.key_file`},
		{"[api]\ntls = \"files\"\ncert_file = \"c.pem\"", `line 1: api.key_file is missing: tls = "files" needs api.cert_file and api.key_file`},
		{"[api]\nacme_directory = \"letsencrypt\"", `line 2: api.acme_directory: "letsencrypt" is not an address such as "https://acme-v02.api.letsencrypt.org/directory"`},
		{"[api]\nacme_eab_kid = \"kid-1\"", `line 1: api.acme_eab_hmac_key_file is missing: api.acme_eab_kid goes with the HMAC key that the CA gives together with it`},
		{"[api]\nacme_eab_hmac_key_file = \"key\"", `line 1: api.acme_eab_kid is missing: api.acme_eab_hmac_key_file goes with the key ID that the CA gives together with it`},
		{"[api]\nacme_eab_hmac_key_file = \"key\"\nacme_eab_kid = \"kid 1\"", `line 3: api.acme_eab_kid: "kid 1" holds a blank, or a character that isn't ASCII: copy the key ID as the CA gives it`},
		{"[api]\npath_prefix = \"acme/\"", `line 2: api.path_prefix: "acme/" is not a path such as "/acme", with a slash before it and none behind`},
		{"[api]\nregistration = \"restrict\"", `line 2: api.registration: "restrict" is none of open, restricted, closed; did you mean "restricted"?`},
		{"[api]\nregister_from = [\"here\"]", `line 2: api.register_from: "here" is neither a network such as "192.0.2.0/24" nor an address`},
		{"[api]\nregister_from = [\"fe80::1%eth0\"]", `line 2: api.register_from: "fe80::1%eth0" is neither a network such as "192.0.2.0/24" nor an address`},
		{"[api]\ncors_origins = [\"panel\"]", `line 2: api.cors_origins: "panel" is not an origin such as "https://panel.example.org", without a path or the usual port`},
		{"[limits]\nupdates = \"many\"", `line 2: limits.updates: "many" is not a rate such as "100/h", "10/m" or "0", which is none`},
		{"[limits]\nupdates = 100", `line 2: limits.updates: "100" is not a rate such as "100/h", "10/m" or "0", which is none`},
		{"[limits]\nupdates = []", `line 2: limits.updates: a list is there, where a rate such as "100/h" belongs`},
		{"[limits]\nupdates = \"-1/h\"", `line 2: limits.updates: "-1/h" is not a rate such as "100/h", "10/m" or "0", which is none`},
		{"[limits]\nexempt = [\"me\"]", `line 2: limits.exempt: "me" is neither a network such as "192.0.2.0/24" nor an address`},
		{"[limits]\nconnections = 0", "line 2: limits.connections: 0 is not from 1 to 1000000"},
		{"[api]\ntrusted_proxies = [\"unix\", \"proxy\"]", `line 2: api.trusted_proxies: "proxy" is neither a network such as "192.0.2.0/24" nor an address`},
		{minimal + "rate_limit = -1", "line 6: dns.rate_limit: -1 is not from 0 to 1000000"},
		{minimal + "rate_limit_exempt = [\"me\"]", `line 6: dns.rate_limit_exempt: "me" is neither a network such as "192.0.2.0/24" nor an address`},
		{"[admin]\nsocket = \"" + long + "\"", `line 2: admin.socket: "` + long + `" is longer than the 107 octets that a socket's path may have`},
		{"[log]\naudit = \"audit.log\"", `line 2: log.audit: "audit.log" is not an absolute path: commands would look for it where they are typed`},
		{"[admin]\nlisten = \"x\"", `line 2: admin.listen: "x" is not an address such as "198.51.100.1:443" or "[::]:443"`},
		{minimal + "listen = [\"53\"]", `line 6: dns.listen: "53" is not an address such as "198.51.100.1:443" or "[::]:443"`},
		{minimal + "listen = [\"localhost:53\"]", `line 6: dns.listen: "localhost:53" is not an address such as "198.51.100.1:443" or "[::]:443"`},
		{minimal + "listen = [\"127.0.0.1:66000\"]", `line 6: dns.listen: "127.0.0.1:66000" is not an address such as "198.51.100.1:443" or "[::]:443"`},
		{minimal + "listen = [\"/run/dns\"]", `line 6: dns.listen: "/run/dns" is not an address such as "198.51.100.1:443" or "[::]:443"`},
		{minimal + "listen = [\"127.0.0.1:53\", \"127.0.0.1:53\"]", `line 6: dns.listen: "127.0.0.1:53" is there twice`},
		{minimal + "[nsd]\nattach_zones = [\"a b\"]", `line 7: nsd.attach_zones: "a b" is not a host name such as "auth.example.org"`},
		{minimal + "[nsd]\nattach_zones = [\"Auth.test.\"]", `line 7: nsd.attach_zones: "Auth.test." is acmezone's own zone: name those of the domains that want certificates`},
		{minimal + "[nsd]\nsnippet_dir = \"snippets\"", `line 7: nsd.snippet_dir: "snippets" is not an absolute path: NSD begins others in its zonesdir`},
		{minimal + "[nsd]\nsnippet_dir = \"/a b\"", `line 7: nsd.snippet_dir: "/a b" holds a character that zone files would need quotes for: name another folder`},
		{minimal + "[nsd]\nattach_mode = \"inlne\"", `line 7: nsd.attach_mode: "inlne" is none of include, inline; did you mean "inline"?`},
		{minimal + "[nsd]\nattach_socket = \"\"", "line 7: nsd.attach_socket is empty: name a unix socket"},
		{minimal + "[nsd]\nattach_socket = \"/" + long + "\"", `line 7: nsd.attach_socket: "/` + long + `" is longer than the 107 octets that a socket's path may have`},
		{minimal + "[nsd]\ncontrol = \"/run/nsd\"\ncontrol_command = [\"sudo\"]", "line 8: nsd.control_command: nsd.control is set as well: leave one of them out"},
		{"[publish]\nconfirm = [\"192.0.2.1\"]", `line 2: publish.confirm: "192.0.2.1" is not a server such as "198.51.100.1:53"`},
		{"[api]\nlisten = [\"unix:x\"]", `line 2: api.listen: "unix:x" is no unix socket such as "/run/acmezone/api.sock"`},
		{"[publish]\ntimeout = \"0s\"", "line 2: publish.timeout: 0s is not from 100ms to 1h"},
		{"[publish]\nunreachable = \"wait\"", `line 2: publish.unreachable: "wait" is none of skip, fail`},
		{"[log]\nlevel = \"loud\"", `line 2: log.level: "loud" is none of debug, info, warn, error`},
		{"[log]\nformat = \"xml\"", `line 2: log.format: "xml" is none of text, json`},
	} {
		if _, said := load(t, c.text); said != "acmezone.toml: "+c.say {
			t.Errorf("%q:\n  said %s\n  want acmezone.toml: %s", c.text, said, c.say)
		}
	}
}

func TestWhatServeRefuses(t *testing.T) {
	for _, c := range []struct{ text, say string }{
		{"[zone]\nname = \"auth.test\"\n[api]\ntls = \"off\"\n", "nothing would answer: add the section [dns], the embedded server, or [nsd], an NSD that runs already"},
		{minimal + "[publish]\nconfirm = [\"192.0.2.1:53\"]", "line 7: publish.confirm without [nsd] is not in this version yet: leave it out: the embedded server proves what it answers"},
	} {
		if _, said := load(t, c.text); said != "acmezone.toml: "+c.say {
			t.Errorf("%q:\n  said %s\n  want acmezone.toml: %s", c.text, said, c.say)
		}
	}
}

func TestMissingFile(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "acmezone.toml")
	for path, say := range map[string]string{missing: "no such file or directory", dir: "is a directory"} {
		want := "the configuration " + path + " can't be read: " + say
		if _, err := Load(path, nil); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := Load(missing, nil); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestLocateFindsTheLineOfAnErrorAboutAKey(t *testing.T) {
	c, _ := load(t, minimal)
	for text, want := range map[string]string{
		`zone.name: "auth.test" is taken`: ": line 2: ",
		"zone.records[0]: no record":      ": line 1: ", // it isn't there: its section
		"publish.confirm: nobody":         "acmezone.toml: publish",
		"disk full":                       "acmezone.toml: disk",
	} {
		if err := c.Locate(errors.New(text)); !strings.Contains(err.Error(), want) || !strings.HasSuffix(err.Error(), text) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for path, want := range map[string]bool{"/root/ca.pem": true, "/home/me/key.pem": true, "/etc/ca.pem": false} {
		err := c.Locate(fmt.Errorf("api.cert_file: %w", &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission}))
		if got := strings.Contains(err.Error(), "ProtectHome="); got != want {
			t.Error(err)
		}
	}
	if c.Locate(nil) != nil {
		t.Error("an error out of nothing")
	}
}
