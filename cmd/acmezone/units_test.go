package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const unitFolder = "../../examples/systemd/"

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// unitsHere copies the example units, changed so that they name a program that is there,
// and returns their paths.
func unitsHere(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	units, err := filepath.Glob(unitFolder + "*")
	if err != nil || len(units) < 6 {
		t.Fatalf("%q, %v", units, err)
	}
	for i, unit := range units {
		text := strings.ReplaceAll(readText(t, unit), "/usr/local/bin/acmezone", os.Args[0])
		units[i] = filepath.Join(dir, filepath.Base(unit))
		if err := os.WriteFile(units[i], []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return units
}

// TestSystemdUnitsAreRight has systemd itself read the examples.
func TestSystemdUnitsAreRight(t *testing.T) {
	analyze := needProgram(t, "systemd-analyze", "systemd")
	out, err := exec.Command(analyze, append([]string{"verify", "--man=no"}, unitsHere(t)...)...).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}

var exposure = regexp.MustCompile(`Overall exposure level for [^:]+: ([0-9.]+) `)

// TestServiceIsHardened has systemd rate the unit, as it is and with what its comments say
// for NSD.
func TestServiceIsHardened(t *testing.T) {
	analyze := needProgram(t, "systemd-analyze", "systemd")
	for _, unit := range unitsHere(t) {
		if filepath.Base(unit) != "acmezone.service" {
			continue
		}
		text := readText(t, unit)
		for name, text := range map[string]string{"alone": text, "beside NSD": besideNSDUnit(t, text)} {
			if err := os.WriteFile(unit, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(analyze, "security", "--offline=true", "--no-pager", unit).CombinedOutput()
			rated := exposure.FindSubmatch(out)
			if err != nil || rated == nil {
				t.Fatalf("%v: %s", err, out)
			}
			level, err := strconv.ParseFloat(string(rated[1]), 64)
			if err != nil || level >= 2 {
				t.Errorf("%s: exposure %v is not under 2.0 (%v)\n%s", name, level, err, out)
			}
			t.Logf("%s: exposure %v", name, level)
		}
	}
}

// besideNSDUnit returns the unit with the drop-in that its comments hold.
func besideNSDUnit(t *testing.T, text string) string {
	t.Helper()
	for _, line := range []string{"SupplementaryGroups=nsd", "ReadWritePaths=/var/lib/nsd/acmezone"} {
		if !strings.Contains(text, "\n#"+line+"\n") {
			t.Fatalf("the unit doesn't say %s", line)
		}
		text = strings.Replace(text, "\n#"+line+"\n", "\n"+line+"\n", 1)
	}
	return text
}

// TestUnitsFitTogether: a socket in the folder that systemd makes for the service, and
// removes when that stops, would be gone after its first restart; a program somewhere
// else than the README puts it would never start; sockets that are named otherwise than
// the service knows them would be refused.
func TestUnitsFitTogether(t *testing.T) {
	if socket := readText(t, unitFolder+"acmezone-attach.socket"); !strings.Contains(socket, "\nListenStream=/run/acmezone-attach.sock\n") {
		t.Error("the helper's socket is elsewhere")
	}
	if service := readText(t, unitFolder+"acmezone.service"); !strings.Contains(service, "\nRuntimeDirectory=acmezone\n") {
		t.Error("the service's folder in /run is another")
	}
	for _, unit := range []string{"acmezone.service", "acmezone-attach.service"} {
		if !strings.Contains(readText(t, unitFolder+unit), "\nExecStart=/usr/local/bin/acmezone ") {
			t.Errorf("%s: the program is elsewhere", unit)
		}
	}
	if readme := readText(t, "../../README.md"); !strings.Contains(readme, "\ninstall -m 0755 bin/acmezone /usr/local/bin/\n") {
		t.Error("the README puts the program elsewhere")
	}
	for unit, lines := range map[string]string{
		"acmezone-dns-udp.socket": "ListenDatagram=[::]:53 FileDescriptorName=dns",
		"acmezone-dns-tcp.socket": "ListenStream=[::]:53 FileDescriptorName=dns",
		"acmezone-api.socket":     "ListenStream=[::]:443 FileDescriptorName=api SocketGroup=acmezone SocketMode=0660",
	} {
		text := readText(t, unitFolder+unit)
		for _, line := range append(strings.Fields(lines), "Service=acmezone.service") {
			if !strings.Contains(text, "\n"+line+"\n") {
				t.Errorf("%s: %s is missing", unit, line)
			}
		}
	}
}
