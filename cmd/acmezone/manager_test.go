package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// manager stands in for systemd: it takes what a service says of itself.
type manager struct {
	t      testing.TB
	socket string

	mu   sync.Mutex
	said []string // lines, in their order
}

// newManager listens at a path, or, with abstract, at a name that is in no folder.
func newManager(t testing.TB, abstract bool) *manager {
	t.Helper()
	m := &manager{t: t, socket: filepath.Join(t.TempDir(), "notify")}
	if abstract {
		m.socket = "@acmezone-test-" + newValue()
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(func() { m.read(conn) })
	t.Cleanup(func() {
		conn.Close()
		reading.Wait()
	})
	return m
}

func (m *manager) read(conn *net.UnixConn) {
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		m.mu.Lock()
		m.said = append(m.said, strings.Split(strings.TrimSpace(string(buf[:n])), "\n")...)
		m.mu.Unlock()
	}
}

// lines returns what was said so far.
func (m *manager) lines() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.said...)
}

// count returns how many lines begin so.
func (m *manager) count(prefix string) (n int) {
	for _, line := range m.lines() {
		if strings.HasPrefix(line, prefix) {
			n++
		}
	}
	return n
}

// await waits for one more line that begins so.
func (m *manager) await(prefix string) {
	m.t.Helper()
	before := m.count(prefix)
	eventually(m.t, "another "+prefix, func() bool { return m.count(prefix) > before })
}

// status returns the last status line.
func (m *manager) status() (last string) {
	for _, line := range m.lines() {
		if text, ok := strings.CutPrefix(line, "STATUS="); ok {
			last = text
		}
	}
	return last
}

// start starts a service under this manager, with a watchdog of that time, 0 for none.
func (m *manager) start(config string, watchdog time.Duration, wrapper ...string) *process {
	m.t.Helper()
	p, err := launchWith(m.t, config, m.environment(watchdog), wrapper...)
	if err != nil {
		m.t.Fatalf("%v; it said:\n%s", err, p.log)
	}
	return p
}

func (m *manager) environment(watchdog time.Duration) func(*exec.Cmd) {
	return func(cmd *exec.Cmd) {
		cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+m.socket)
		if watchdog > 0 {
			cmd.Env = append(cmd.Env, fmt.Sprintf("WATCHDOG_USEC=%d", watchdog.Microseconds()))
		}
	}
}

// TestManagerIsTold from the start to the end, and what a reload is.
func TestManagerIsTold(t *testing.T) {
	for _, abstract := range []bool{false, true} {
		t.Run(fmt.Sprintf("abstract=%t", abstract), func(t *testing.T) {
			t.Parallel()
			m := newManager(t, abstract)
			p := m.start(writeTestConfig(t, t.TempDir()), 0)
			eventually(t, "READY", func() bool { return m.count("READY=1") == 1 })
			a, _ := p.register()
			p.update(a, newValue())
			eventually(t, "the status", func() bool {
				return m.status() == fmt.Sprintf("auth.test, serial %d, 1 live names", p.serial())
			})
			if err := syscall.Kill(p.pid(), syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			eventually(t, "READY after the reload", func() bool { return m.count("READY=1") == 2 })
			if err := p.stop(); err != nil {
				t.Fatal(err)
			}
			m.catchUp()
			var order []string
			for _, line := range m.lines() {
				if name, value, _ := strings.Cut(line, "="); value == "1" || strings.HasSuffix(name, "_USEC") {
					order = append(order, name)
				}
				if usec, ok := strings.CutPrefix(line, "MONOTONIC_USEC="); ok {
					if n, err := strconv.ParseInt(usec, 10, 64); err != nil || n <= 0 {
						t.Error(line)
					}
				}
			}
			// More time is asked for as often as it takes.
			want := "EXTEND_TIMEOUT_USEC READY RELOADING MONOTONIC_USEC READY STOPPING EXTEND_TIMEOUT_USEC"
			if got := strings.Join(slices.Compact(order), " "); got != want {
				t.Errorf("%s\nwant %s", got, want)
			}
			if m.count("WATCHDOG=1") > 0 {
				t.Error("a watchdog is fed that there isn't")
			}
		})
	}
}

// watchdogTime is short enough for a test and long for a self-test under the race
// detector.
const watchdogTime = 3 * time.Second

// silent reports whether the watchdog is not fed for as long as it waits.
func (m *manager) silent() bool {
	m.t.Helper()
	m.catchUp()
	before := m.count("WATCHDOG=1")
	<-time.After(watchdogTime)
	m.catchUp()
	return m.count("WATCHDOG=1") == before
}

// catchUp returns when all is read that has been said so far: what it says itself comes
// after that.
func (m *manager) catchUp() {
	m.t.Helper()
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: m.socket, Net: "unixgram"})
	if err != nil {
		m.t.Fatal(err)
	}
	defer conn.Close()
	mark := "X_TEST=" + newValue()
	if _, err := conn.Write([]byte(mark)); err != nil {
		m.t.Fatal(err)
	}
	eventually(m.t, "all is read", func() bool { return m.count(mark) > 0 })
}

// standsStill waits until a process that was sent SIGSTOP has stopped.
func standsStill(t *testing.T, pid int) {
	t.Helper()
	eventually(t, "the process has stopped", func() bool {
		stat := readText(t, fmt.Sprintf("/proc/%d/stat", pid))
		return strings.HasPrefix(stat[strings.LastIndex(stat, ")")+1:], " T ")
	})
}

// TestWatchdogEndsWhatHangs: a process that stands still, and a committer whose write to
// the disk doesn't come back while everything else goes on.
func TestWatchdogEndsWhatHangs(t *testing.T) {
	t.Parallel()
	m := newManager(t, false)
	p := m.start(writeTestConfig(t, t.TempDir()), watchdogTime)
	m.await("WATCHDOG=1")
	if err := syscall.Kill(p.pid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	standsStill(t, p.pid())
	if !m.silent() {
		t.Error("a process that stands still feeds the watchdog")
	}
	if err := syscall.Kill(p.pid(), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	m.await("WATCHDOG=1")

	thaw := freezeSyncs(t, p)
	eventually(t, "the self-test fails", func() bool { return strings.Contains(p.log.String(), "the committer has not answered a heartbeat") })
	if !m.silent() {
		t.Error("a committer that hangs feeds the watchdog")
	}
	p.serial() // DNS goes on
	thaw()
	m.await("WATCHDOG=1")
}

// freezeSyncs holds up every sync to the disk, as a disk that doesn't answer does, until
// thaw is called.
func freezeSyncs(t *testing.T, p *process) (thaw func()) {
	t.Helper()
	tracer := exec.Command(needProgram(t, "strace", "strace"), "-f", "-qq", "-o", os.DevNull,
		"-p", strconv.Itoa(p.pid()), "-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync,fsync:delay_enter=600000000")
	if err := tracer.Start(); err != nil {
		t.Fatal(err)
	}
	thaw = sync.OnceFunc(func() {
		_ = tracer.Process.Signal(syscall.SIGTERM) // it lets go of the process
		_ = tracer.Wait()
	})
	t.Cleanup(thaw)
	return thaw
}

// TestWatchdogLeavesAFullDiskAlone: another process wouldn't have more room, and DNS
// would be gone meanwhile.
func TestWatchdogLeavesAFullDiskAlone(t *testing.T) {
	t.Parallel()
	m := newManager(t, true)
	disk := t.TempDir()
	p := m.start(writeTestConfig(t, disk+"/etc"), watchdogTime, smallDisk(t, disk)...)
	ballast := fmt.Sprintf("/proc/%d/root%s/ballast", p.cmd.Process.Pid, disk)
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err == nil {
		t.Fatal("the disk isn't full")
	}
	eventually(t, "the status names the full disk", func() bool {
		p.register()
		return strings.Contains(m.status(), "the disk is full")
	})
	m.await("WATCHDOG=1")
	m.await("WATCHDOG=1")
}

// TestNSDIsNotTheWatchdogsBusiness: the service is ready without NSD, says so, and is
// left alone, when NSD is away at the start and when it goes away later.
func TestNSDIsNotTheWatchdogsBusiness(t *testing.T) {
	t.Parallel()
	server := startAuthTest(t)
	config := writeNSDConfig(t, t.TempDir(), server)
	change(t, config, `timeout = "1m"`, `timeout = "1s"`)
	server.Kill()
	m := newManager(t, false)
	launched := make(chan *process, 1)
	go func() { // it says ready in its log when NSD is back
		p, err := launchWith(t, config, m.environment(watchdogTime))
		if err != nil {
			t.Errorf("%v: %s", err, p.log)
		}
		launched <- p
	}()
	eventually(t, "READY", func() bool { return m.count("READY=1") == 1 })
	if status := m.status(); !strings.Contains(status, "nsd: nothing is published yet") {
		t.Error(status)
	}
	m.await("WATCHDOG=1")
	server.Restart()
	p := <-launched
	p.dns = server.Addr.String()
	eventually(t, "the status says nothing of NSD", func() bool { return !strings.Contains(m.status(), "nsd") })
	server.Kill()
	a, _ := p.register()
	p.update(a, newValue())
	eventually(t, "the status names NSD", func() bool { return strings.Contains(m.status(), "nsd: ") })
	m.await("WATCHDOG=1")
	m.await("WATCHDOG=1")
}

// TestManagerIsToldWhatWaitsForARestart for as long as it waits: the line in the log is
// forgotten by the time that somebody restarts the service for another reason.
func TestManagerIsToldWhatWaitsForARestart(t *testing.T) {
	t.Parallel()
	m := newManager(t, false)
	config := writeTestConfig(t, t.TempDir())
	m.start(config, 0)
	const before, after = "[admin]\n", "[admin]\nlisten = \"127.0.0.1:0\"\n"
	const said = "; waiting for a restart: admin.listen"
	rewrite(t, config, before, after)
	eventually(t, "the key is named", func() bool { return strings.Contains(m.status(), said) })
	rewrite(t, config, after, before)
	eventually(t, "the key isn't named any more", func() bool { return !strings.Contains(m.status(), said) })
}
