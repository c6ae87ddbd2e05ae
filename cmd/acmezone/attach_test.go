package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/logtest"
	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
)

// customerConfig is a service's configuration with the zone example.com in an NSD, and
// where its helper's socket is.
func customerConfig(t *testing.T) (config, socket string, server *nsdtest.Server) {
	t.Helper()
	server = nsdtest.Start(t, nsdtest.Options{Zones: []nsdtest.Zone{{
		Name: "example.com", File: "example.com.zone",
		Text: "$TTL 1h\n@ SOA ns1 hostmaster 7 3h 15m 4w 1d\n@ NS ns1\nns1 A 127.0.0.1\n",
	}}})
	config, socket = writeTestConfig(t, filepath.Join(server.Dir, "acmezone")), filepath.Join(server.Dir, "attach.sock")
	file, err := os.OpenFile(config, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	_, err = file.WriteString("[nsd]\nuse = \"attach\"\nattach_zones = [\"example.com\"]\nconfig = \"" + server.Config +
		"\"\nsnippet_dir = \"" + server.Dir + "/snippets\"\nattach_socket = \"" + socket + "\"\n")
	if err != nil {
		t.Fatal(err)
	}
	return config, socket, server
}

// helper starts attach-helper behind another program and returns its log.
func helper(t *testing.T, config string, files []*os.File, wrapper ...string) *logtest.Buffer {
	t.Helper()
	args := append(wrapper, os.Args[0], "attach-helper", "--config", config)
	cmd := exec.Command(args[0], args[1:]...)
	log := new(logtest.Buffer)
	cmd.Env, cmd.Stderr, cmd.ExtraFiles = append(os.Environ(), beAcmezone+"=1"), log, files
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the helper ends with %v: %s", err, log)
		}
	})
	return log
}

func hasCNAME(t *testing.T, server *nsdtest.Server, name string) bool {
	t.Helper()
	client := dns.Client{Net: "tcp"}
	answer, _, err := client.Exchange(new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeCNAME), server.Addr.String())
	if err != nil {
		t.Fatal(err)
	}
	return len(answer.Answer) > 0
}

// TestServiceAttachesThroughTheHelper has a client of the HTTP account store, for a domain
// never seen before.
func TestServiceAttachesThroughTheHelper(t *testing.T) {
	config, socket, server := customerConfig(t)
	p := start(t, config)
	token := makeToken(t, filepath.Dir(config), "*.example.com")
	ask := func(domain string) string {
		return mustCommand(t, "cname", domain, "--json", "--server", "http://"+p.api, "--token", token, "--storage", filepath.Join(t.TempDir(), "accounts.json"))
	}
	if out := ask("early.example.com"); !strings.Contains(out, `"attached":false`) {
		t.Errorf("without the helper: %s", out)
	}
	eventually(t, "the log says what is missing", func() bool {
		return strings.Contains(p.log.String(), "type 'systemctl enable --now acmezone-attach.socket'")
	})
	log := helper(t, config, nil)
	eventually(t, "the helper is ready", func() bool { return strings.Contains(log.String(), "ready to attach") })
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("the socket: %v, %v", info, err)
	}
	if out := ask("www.example.com"); !strings.Contains(out, `"attached":true`) || !hasCNAME(t, server, "_acme-challenge.www.example.com") {
		t.Errorf("it says %s; the helper's log: %s", out, log)
	}
	// The operator goes on with it by the command.
	if out := mustCommand(t, "attach", "www.example.com", "early.example.com", "--config", config); !strings.Contains(out, "early.example.com, www.example.com attached, serial 9,") {
		t.Error(out)
	}
}

// TestHelperTakesTheSocketOfSystemd hands it over as systemd does.
func TestHelperTakesTheSocketOfSystemd(t *testing.T) {
	config, socket, server := customerConfig(t)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	log := helper(t, config, []*os.File{file}, "sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"`)
	p := start(t, config)
	token := makeToken(t, filepath.Dir(config), "*.example.com")
	out := mustCommand(t, "cname", "www.example.com", "--json", "--server", "http://"+p.api, "--token", token, "--storage", filepath.Join(t.TempDir(), "accounts.json"))
	if !strings.Contains(out, `"attached":true`) || !hasCNAME(t, server, "_acme-challenge.www.example.com") {
		t.Errorf("it says %s; the helper's log: %s", out, log)
	}
}

func TestHelperSaysWhatIsWrong(t *testing.T) {
	config, socket, _ := customerConfig(t)
	if err := os.WriteFile(socket, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, stderr, code := command(t, "attach-helper", "--config", config)
	if want := "acmezone: nsd.attach_socket: " + socket + " is there and is no socket\n"; code != exitFailed || stderr != want {
		t.Errorf("exit code %d: %q", code, stderr)
	}
	other := filepath.Join(filepath.Dir(socket), "other.sock")
	_, stderr, code = command(t, "attach-helper", "--config", config, "--socket", other, "--group", "no such group")
	if want := "acmezone: --group: group: unknown group no such group\n"; code != exitUsage || stderr != want {
		t.Errorf("exit code %d: %q", code, stderr)
	}
}

// TestHelperWantsAConfigurationOfRootsOwn: whoever can write it can have root do anything.
func TestHelperWantsAConfigurationOfRootsOwn(t *testing.T) {
	config, _, _ := customerConfig(t)
	if err := os.Chown(config, 1234, 0); err != nil {
		t.Fatal(err)
	}
	_, stderr, code := command(t, "attach-helper", "--config", config)
	want := "acmezone: root's helper does what the configuration says, and user 1234 can write " + config + ": type 'chown root " + config + "' and 'chmod go-w " + config + "'\n"
	if code != exitUsage || stderr != want {
		t.Errorf("exit code %d: %q", code, stderr)
	}
}
