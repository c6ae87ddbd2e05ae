package checktest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
)

const (
	startTime = time.Minute // to be ready, on a busy machine
	stopTime  = time.Minute // to end after SIGTERM
)

// Unbound starts a caching, validating resolver and returns its address. Each zone is
// given the address of its name server, host:port, as these don't listen on port 53.
// Trust anchors are DS or DNSKEY records in presentation format.
func Unbound(t testing.TB, zones map[string]string, anchors ...string) string {
	t.Helper()
	for try := 1; ; try++ {
		at := nsdtest.Reserve(t, "127.0.0.1")
		log, err := startUnbound(t, at, configuration(t.TempDir(), at.Port(), zones, anchors))
		if err == nil {
			return at.String()
		}
		if try == 5 || !strings.Contains(log.String(), "in use") {
			t.Fatalf("unbound did not get ready: %v\n%s", err, log)
		}
	}
}

func configuration(dir string, port uint16, zones map[string]string, anchors []string) string {
	var c strings.Builder
	fmt.Fprintf(&c, `server:
	interface: 127.0.0.1
	port: %d
	access-control: 127.0.0.0/8 allow
	do-ip6: no
	do-daemonize: no
	chroot: ""
	username: ""
	directory: %[2]q
	pidfile: "%[2]s/unbound.pid"
	logfile: ""
	use-syslog: no
	num-threads: 1
	module-config: "validator iterator"
	do-not-query-localhost: no
	local-zone: "test." nodefault
	outgoing-port-avoid: "0-32767"
`, port, dir)
	for _, anchor := range anchors {
		fmt.Fprintf(&c, "\ttrust-anchor: %q\n", anchor)
	}
	c.WriteString("remote-control:\n\tcontrol-enable: no\n")
	for _, zone := range slices.Sorted(maps.Keys(zones)) {
		fmt.Fprintf(&c, "stub-zone:\n\tname: %q\n\tstub-addr: %q\n", zone, strings.Replace(zones[zone], ":", "@", 1))
	}
	return c.String()
}

func startUnbound(t testing.TB, at netip.AddrPort, configuration string) (*bytes.Buffer, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "unbound.conf")
	if err := os.WriteFile(file, []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	log := new(bytes.Buffer)
	cmd := exec.Command(nsdtest.Program(t, "unbound", "unbound"), "-d", "-c", file)
	cmd.Stdout, cmd.Stderr = log, log
	nsdtest.Free(at)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // its end is all that counts
		close(ended)
	}()
	t.Cleanup(func() { stop(t, cmd, ended) })
	err := awaitResolver(at.String(), ended)
	if err != nil {
		stop(t, cmd, ended) // and the log is complete
	}
	return log, err
}

func stop(t testing.TB, cmd *exec.Cmd, ended chan struct{}) {
	t.Helper()
	_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-ended:
	case <-time.After(stopTime):
		t.Error("unbound did not end after SIGTERM")
		_ = cmd.Process.Kill()
		<-ended
	}
}

// awaitResolver waits for an answer that unbound has by itself.
func awaitResolver(addr string, ended chan struct{}) error {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	deadline := time.After(startTime)
	for {
		client := dns.Client{Timeout: time.Second}
		_, _, err := client.Exchange(new(dns.Msg).SetQuestion("localhost.", dns.TypeA), addr)
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-ended:
			return fmt.Errorf("the process has ended: %w", err)
		case <-deadline:
			return fmt.Errorf("after %v: %w", startTime, err)
		}
	}
}

// Ports say where the servers really listen that the zones know at port 53, by address.
type Ports map[string]string

// Dial takes the connection to where the server listens.
func (p Ports) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if host, port, err := net.SplitHostPort(address); err == nil && port == "53" && p[host] != "" {
		address = p[host]
	}
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}
