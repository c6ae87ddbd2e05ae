package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// beInside is set where a test has a network of its own.
const beInside = "ACMEZONE_TEST_INSIDE"

// TestWhoHasPort53: the words about systemd-resolved are for where it has the port, and
// not for where another name server listens on all addresses, its stub's included.
func TestWhoHasPort53(t *testing.T) {
	if os.Getenv(beInside) == "" {
		inOwnNetwork(t)
		return
	}
	for taken, says := range map[string]string{
		"127.0.0.53:53": "systemd-resolved has port 53",
		"0.0.0.0:53":    "another program has it",
	} {
		other, err := net.ListenPacket("udp", taken)
		if err != nil {
			t.Fatal(err)
		}
		_, err = net.ListenPacket("udp", "0.0.0.0:53")
		if err = withHint(err); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s is taken: %v, want %q", taken, err, says)
		}
		other.Close()
	}
}

// inOwnNetwork runs the test once more, where every port is free.
func inOwnNetwork(t *testing.T) {
	t.Helper()
	args := []string{"--net"}
	if os.Geteuid() != 0 {
		args = append(args, "--user", "--map-root-user")
	}
	args = append(args, "sh", "-c", `ip link set lo up && exec "$@"`, "sh", os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd := exec.Command(needProgram(t, "unshare", "util-linux"), args...)
	cmd.Env = append(os.Environ(), beInside+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestReadOnlyPlaces: where a unit keeps the service from writing, the permissions look
// right, and what is missing is a line in the unit.
func TestReadOnlyPlaces(t *testing.T) {
	t.Parallel()
	for _, section := range []string{"[store]\npath", "[log]\naudit"} {
		dir := t.TempDir()
		closed := dir + "/closed"
		if err := os.Mkdir(closed, 0o700); err != nil {
			t.Fatal(err)
		}
		config := writeTestConfig(t, dir)
		text := readText(t, config)
		head, _, _ := strings.Cut(section, "\n")
		text = strings.Replace(text, head+"\n", fmt.Sprintf("%s = %q\n", section, closed+"/file"), 1)
		text = strings.Replace(text, fmt.Sprintf("path = %q\n", dir+"/acmezone.db"), "", strings.Count(section, "store"))
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		m := newManager(t, false)
		wrapper := append(ownMounts(t), "sh", "-c", `mount -t tmpfs -o ro,mode=0700 tmpfs "$0" && exec "$@"`, closed)
		p, err := launchWith(t, config, m.environment(0), wrapper...)
		if err == nil {
			t.Fatalf("%s: it runs", section)
		}
		said := p.log.String()
		if !strings.Contains(said, closed) || !strings.Contains(said, "ReadWritePaths=") {
			t.Errorf("%s: %s", section, said)
		}
		m.catchUp()
		if status := m.status(); !strings.HasPrefix(status, "it can't start: ") || !strings.Contains(status, closed) {
			t.Errorf("%s: the status is %q", section, status)
		}
	}
}

// TestNewDatabaseIsSaid: where its file system isn't mounted, nothing else tells that the
// accounts aren't there.
func TestNewDatabaseIsSaid(t *testing.T) {
	t.Parallel()
	const line = "there was no database: a new one was made, without any account"
	config := writeTestConfig(t, t.TempDir())
	for _, want := range []int{1, 0} {
		p := start(t, config)
		if got := len(p.logged(line)); got != want {
			t.Errorf("%d lines instead of %d:\n%s", got, want, p.log)
		}
		if err := syscall.Kill(p.pid(), syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		<-p.ended
	}
}
