package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// exampleKey is what a stanza with --tsig transfer refers to.
const exampleKey = `key:
    name: "transfer"
    algorithm: hmac-sha256
    secret: "ZXhhbXBsZSBvbmx5LCBrbm93biB0byBldmVyeWJvZHk="
`

// exampleStanza is what 'acmezone nsd-conf' prints with the example configuration and
// the zone file of examples/nsd.conf.
func exampleStanza(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	args = append([]string{"acmezone", "nsd-conf", "--config", "../../examples/acmezone.toml"}, args...)
	environ := []string{"ACMEZONE_NSD_ZONEFILE=/var/lib/nsd/acmezone/auth.example.org.zone"}
	if code := run(context.Background(), args, surroundings{nil, &out, &errs, environ}); code != exitDone || errs.Len() > 0 {
		t.Fatalf("%v: exit code %d, %s", args, code, &errs)
	}
	return out.String()
}

// takenByNSD has NSD itself read a configuration.
func takenByNSD(t *testing.T, text string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "nsd.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, err := exec.Command(nsdCheckconf(t), file).CombinedOutput(); err != nil || len(said) > 0 {
		t.Errorf("%v: %s\n%s", err, said, text)
	}
}

// nsdCheckconf is in a folder that not everybody's PATH has.
func nsdCheckconf(t *testing.T) string {
	t.Helper()
	const usual = "/usr/sbin/nsd-checkconf"
	if _, err := os.Stat(usual); err == nil {
		return usual
	}
	return needProgram(t, "nsd-checkconf", "nsd")
}

// uncommented takes the # off the lines that are configuration; text has a blank
// behind it.
func uncommented(text string) string {
	text = regexp.MustCompile(`(?m)^#([^ \n]|  )`).ReplaceAllString(text, "$1")
	return regexp.MustCompile(`(?m)^    #([^ \n])`).ReplaceAllString(text, "    $1")
}

// TestPrintedStanzasAreTakenByNSD: as they are, and with the lines that are comments.
func TestPrintedStanzasAreTakenByNSD(t *testing.T) {
	for _, args := range [][]string{
		{},
		{"--secondary", "192.0.2.53"},
		{"--secondary", "192.0.2.53@5353", "--secondary", "2001:db8::53", "--tsig", "transfer"},
		{"--tsig", "transfer"},
		{"--for-secondary", "192.0.2.1"},
		{"--for-secondary", "2001:db8::1@5353", "--tsig", "transfer"},
	} {
		stanza := exampleStanza(t, args...)
		key := ""
		if strings.Contains(stanza, " transfer\n") {
			key = exampleKey
		}
		takenByNSD(t, key+stanza)
		all := uncommented(stanza)
		if !strings.Contains(all, "\nserver:\n    minimal-responses: yes\n") {
			t.Errorf("%v: no server clause in it:\n%s", args, all)
		}
		takenByNSD(t, strings.Replace(all, `secret: "..."`, `secret: "ZXhhbXBsZQ=="`, 1))
	}
}

// TestExampleOfNSD: the configuration that people copy is right, and so is what it says
// to the secondaries; both have what acmezone prints.
func TestExampleOfNSD(t *testing.T) {
	text, err := os.ReadFile("../../examples/nsd.conf")
	if err != nil {
		t.Fatal(err)
	}
	primary, secondary, found := strings.Cut(string(text), "\n# ---- The secondaries")
	_, secondary, _ = strings.Cut(secondary, "\n")
	if !found {
		t.Fatal("there is no part for the secondaries")
	}
	secondary = uncommented(secondary)
	takenByNSD(t, string(text))
	takenByNSD(t, primary)
	takenByNSD(t, secondary)
	for _, c := range []struct {
		who, has string
		args     []string
	}{
		{"primary", primary, []string{"--secondary", "192.0.2.53", "--secondary", "203.0.113.53"}},
		{"secondary", secondary, []string{"--for-secondary", "198.51.100.1"}},
	} {
		_, clause, _ := strings.Cut(exampleStanza(t, append(c.args, "--tsig", "transfer")...), "\nzone:")
		if !strings.Contains(c.has, "\nzone:"+clause) {
			t.Errorf("the %s has not the clause that is printed:%s", c.who, clause)
		}
		if !strings.Contains(c.has, exampleKey) {
			t.Errorf("the %s has another key", c.who)
		}
	}
}

func TestExampleOfNSDHasTheZoneOfTheExampleConfiguration(t *testing.T) {
	cfg, err := readConfig("../../examples/acmezone.toml", surroundings{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(nsdCheckconf(t), "-o", "zones", "../../examples/nsd.conf").Output()
	if zones := strings.Fields(string(out)); err != nil || len(zones) != 2 || zones[0] != cfg.Zone.Name && zones[1] != cfg.Zone.Name {
		t.Errorf("%q, %v; want %s and a customer's zone", zones, err, cfg.Zone.Name)
	}
}
