package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// holder stands in for systemd: it holds the sockets while services come and go.
type holder struct {
	t        testing.TB
	dns, api string
	files    []*os.File
	names    []string
}

// newHolder binds an address of DNS, UDP and TCP, and one of the API.
func newHolder(t testing.TB) *holder {
	t.Helper()
	udp, tcp := bothAt(t)
	api, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	moreRoom(t, udp)
	h := &holder{t: t, dns: udp.LocalAddr().String(), api: api.Addr().String(), names: []string{"dns", "dns", "api"}}
	for _, s := range []interface {
		File() (*os.File, error)
		Close() error
	}{udp, tcp, api.(*net.TCPListener)} {
		file, err := s.File()
		if err != nil {
			t.Fatal(err)
		}
		s.Close() // the file is another descriptor of the same socket
		h.files = append(h.files, file)
		t.Cleanup(func() { file.Close() })
	}
	return h
}

// bothAt binds a port for UDP and TCP, which nobody else gets when one of them is closed.
func bothAt(t testing.TB) (udp *net.UDPConn, tcp *net.TCPListener) {
	t.Helper()
	at := freeAddress(t)
	packets, err := net.ListenPacket("udp", at)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	return packets.(*net.UDPConn), stream.(*net.TCPListener)
}

// moreRoom is ReceiveBuffer= of a socket unit, which goes beyond what users may have.
func moreRoom(t testing.TB, conn *net.UDPConn) {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) {
		if syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUFFORCE, 8<<20) != nil {
			_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 8<<20) // as far as it goes
		}
	})
}

// config is a configuration whose addresses are the holder's.
func (h *holder) config() string {
	h.t.Helper()
	path := writeTestConfig(h.t, h.t.TempDir())
	change(h.t, path, "[api]\nlisten = [\"127.0.0.1:0\"]", fmt.Sprintf("[api]\nlisten = [%q]", h.api))
	change(h.t, path, "[dns]\nlisten = [\"127.0.0.1:0\"]", fmt.Sprintf("[dns]\nlisten = [%q]", h.dns))
	return path
}

// launch starts a service that is given the sockets, and their names if named is true.
func (h *holder) launch(config string, named bool) (*process, error) {
	h.t.Helper()
	p, err := launchWith(h.t, config, func(cmd *exec.Cmd) {
		cmd.ExtraFiles = h.files
		cmd.Env = append(cmd.Env, fmt.Sprintf("LISTEN_FDS=%d", len(h.files)))
		if named {
			cmd.Env = append(cmd.Env, "LISTEN_FDNAMES="+strings.Join(h.names, ":"))
		}
	}, "sh", "-c", `LISTEN_PID=$$ exec "$@"`, "sh")
	p.wrapped = false // the shell has become the program
	return p, err
}

func (h *holder) start(config string, named bool) *process {
	h.t.Helper()
	p, err := h.launch(config, named)
	if err != nil {
		h.t.Fatalf("%v; it said:\n%s", err, p.log)
	}
	return p
}

// TestInheritedSocketsAreUsed by their names, or by their addresses where they have none.
func TestInheritedSocketsAreUsed(t *testing.T) {
	for _, named := range []bool{true, false} {
		t.Run(fmt.Sprintf("named=%t", named), func(t *testing.T) {
			t.Parallel()
			h := newHolder(t)
			p := h.start(h.config(), named) // it could not bind them: they are taken
			if p.api != h.api || p.dns != h.dns {
				t.Errorf("api %s and dns %s, want %s and %s", p.api, p.dns, h.api, h.dns)
			}
			mustUpdateDNS(t, p)
			// The commands that it runs must not hold the sockets, and neither must it twice.
			if held := openSockets(t, p.pid(), h.dns, h.api); held != 3 {
				t.Errorf("%d sockets on these addresses, want 3", held)
			}
		})
	}
}

// TestInheritedUnixSocketOutlivesTheService: its name is the manager's.
func TestInheritedUnixSocketOutlivesTheService(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "api.sock")
	held, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	file, err := held.(*net.UnixListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	h := &holder{t: t, files: []*os.File{file}, names: []string{"api"}}
	config := writeTestConfig(t, t.TempDir())
	change(t, config, "[api]\nlisten = [\"127.0.0.1:0\"]", fmt.Sprintf("[api]\nlisten = [%q]", "unix:"+path))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	for range 2 {
		p := h.start(config, true)
		response, err := client.Get("http://acmezone/health")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Error(response.Status)
		}
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the socket is gone: %v", err)
	}
}

func mustUpdateDNS(t *testing.T, p *process) {
	t.Helper()
	a, ok := p.register()
	value := newValue()
	if !ok || p.update(a, value) != http.StatusOK || !slices.Contains(p.texts(a.FullDomain), value) {
		t.Error("no update")
	}
}

// openSockets counts the descriptors of a process that are listening on those addresses.
func openSockets(t *testing.T, pid int, addrs ...string) (n int) {
	t.Helper()
	out, err := exec.Command(needProgram(t, "ss", "iproute2"), "-lntupH").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for line := range strings.SplitSeq(string(out), "\n") {
		if slices.ContainsFunc(addrs, func(a string) bool { return strings.Contains(line, " "+a+" ") }) {
			n += strings.Count(line, fmt.Sprintf("pid=%d,", pid))
		}
	}
	return n
}

// TestMissingSocketsAreBound: what isn't inherited is bound as ever, and sockets for
// another process aren't touched.
func TestMissingSocketsAreBound(t *testing.T) {
	h := newHolder(t)
	tcp := h.files[1]
	h.files, h.names = []*os.File{h.files[0]}, []string{"dns"}
	tcp.Close() // so that the address is free for TCP
	config := h.config()
	change(t, config, h.api, "127.0.0.1:0")
	p := h.start(config, true)
	if p.dns != h.dns || p.api == h.api {
		t.Errorf("api %s and dns %s", p.api, p.dns)
	}
	mustUpdateDNS(t, p)
	p.kill()

	p, err := launchWith(t, writeTestConfig(t, t.TempDir()), func(cmd *exec.Cmd) {
		cmd.ExtraFiles = h.files
		cmd.Env = append(cmd.Env, "LISTEN_FDS=1", "LISTEN_PID=1")
	})
	if err != nil || p.dns == h.dns {
		t.Errorf("%v: %s", err, p.log)
	}
}

// TestUnwantedSocketsAreRefused: they would look as if somebody answered there.
func TestUnwantedSocketsAreRefused(t *testing.T) {
	h := newHolder(t)
	config := h.config()
	for _, c := range []struct{ section, addr, key string }{{"api", h.api, "api.listen"}, {"dns", h.dns, "dns.listen"}} {
		other := filepath.Join(t.TempDir(), "acmezone.toml")
		text, err := os.ReadFile(config)
		if err == nil {
			err = os.WriteFile(other, []byte(strings.Replace(string(text), c.addr, "127.0.0.1:0", 1)), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		p, err := h.launch(other, true)
		if err == nil {
			t.Fatal("it runs")
		}
		if said := p.log.String(); !strings.Contains(said, c.addr) || !strings.Contains(said, c.key) || strings.Count(said, "\n") != 1 || p.cmd.ProcessState.ExitCode() == exitDone {
			t.Errorf("exit code %d: %s", p.cmd.ProcessState.ExitCode(), said)
		}
	}
}

// TestSocketInTheWay: one for other addresses than the configuration's keeps those from being
// bound, and is named beside what the system says.
func TestSocketInTheWay(t *testing.T) {
	h := newHolder(t)
	config := h.config()
	for _, addr := range []string{h.api, h.dns} {
		port := addr[strings.LastIndex(addr, ":"):]
		other := filepath.Join(t.TempDir(), "acmezone.toml")
		rewriteWhole(t, other, []byte(strings.Replace(readText(t, config), addr, "0.0.0.0"+port, 1)))
		p, err := h.launch(other, true)
		if err == nil {
			t.Fatal("it runs")
		}
		if said := p.log.String(); !strings.Contains(said, "address already in use") || !strings.Contains(said, addr) || !strings.Contains(said, "socket unit") {
			t.Error(said)
		}
	}
}

// TestRestartDropsNothing restarts a service whose sockets stay, while clients ask and
// update: every question is answered, every connection taken, every update done.
func TestRestartDropsNothing(t *testing.T) {
	h := newHolder(t)
	config := h.config()
	p := h.start(config, true)
	load := underLoad(t, p, h.dns)
	for range 3 {
		before := load.updates.Load()
		eventually(t, "updates are done", func() bool { return load.updates.Load() > before+20 })
		if err := p.stop(); err != nil {
			t.Fatalf("%v\n%s", err, p.log)
		}
		p = h.start(config, true)
	}
	load.end()
	checkAcknowledged(t, p, load.known)
}

// pressure is clients that ask and update without pause, and expect every answer.
type pressure struct {
	t                               *testing.T
	known                           *journal
	stop                            chan struct{}
	clients                         sync.WaitGroup
	questions, connections, updates atomic.Int64
}

// underLoad puts pressure on a service whose embedded server answers at that address.
func underLoad(t *testing.T, p *process, addr string) *pressure {
	t.Helper()
	l := &pressure{t: t, known: &journal{last: make(map[string]string)}, stop: make(chan struct{})}
	l.clients.Go(func() { floodSOA(t, addr, l.stop, &l.questions) })
	l.clients.Go(func() { askTCPUntil(t, addr, l.stop, &l.connections) })
	for range 3 {
		a, ok := p.register()
		if !ok {
			t.Fatal("not registered")
		}
		l.known.registered(a)
		l.clients.Go(func() { updateAlways(t, p, a, l.known, l.stop, &l.updates) })
	}
	return l
}

// end ends it.
func (l *pressure) end() {
	close(l.stop)
	l.clients.Wait()
	l.t.Logf("%d questions over UDP, %d connections over TCP, %d updates", l.questions.Load(), l.connections.Load(), l.updates.Load())
}

// mostUnanswered is how many questions are under way at once: the buffer of a socket that
// nobody has enlarged takes more, so that one that is lost was lost by the service.
const mostUnanswered = 100

// floodSOA sends a question every millisecond, whether the ones before were answered or
// not, up to that many, and complains if one is lost.
func floodSOA(t *testing.T, server string, stop <-chan struct{}, sent *atomic.Int64) {
	conn, err := net.Dial("udp", server)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	moreRoom(t, conn.(*net.UDPConn))
	question, err := new(dns.Msg).SetQuestion("auth.test.", dns.TypeSOA).Pack()
	if err != nil {
		t.Error(err)
		return
	}
	var answered [1 << 16]bool
	var answers atomic.Int64
	var reading sync.WaitGroup
	reading.Go(func() { readAnswers(conn, &answered, &answers) })
	n := uint16(0)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for running := true; running && n < 1<<16-1; {
		select {
		case <-stop:
			running = false
		case <-tick.C:
			if int64(n)-answers.Load() >= mostUnanswered {
				continue
			}
			binary.BigEndian.PutUint16(question, n)
			if _, err := conn.Write(question); err != nil {
				t.Errorf("question %d: %v", n, err)
			}
			n++
		}
	}
	for end := time.Now().Add(enough); answers.Load() < int64(n) && time.Now().Before(end); <-tick.C {
		// the last answers are on their way
	}
	_ = conn.SetReadDeadline(time.Now())
	reading.Wait()
	sent.Store(int64(n))
	if lost := int(n) - count(answered[:n]); lost > 0 {
		t.Errorf("%d of %d questions got no answer", lost, n)
	}
}

// readAnswers notes which questions were answered, and how many.
func readAnswers(conn net.Conn, answered *[1 << 16]bool, answers *atomic.Int64) {
	buf := make([]byte, 4096)
	for {
		size, err := conn.Read(buf)
		if err != nil {
			return
		}
		id := binary.BigEndian.Uint16(buf)
		if size > 12 && buf[3]&0xF == dns.RcodeSuccess && !answered[id] {
			answered[id] = true
			answers.Add(1)
		}
	}
}

func count(all []bool) (n int) {
	for _, yes := range all {
		if yes {
			n++
		}
	}
	return n
}

// askTCPUntil connects for each question, and complains if one isn't answered.
func askTCPUntil(t *testing.T, server string, stop <-chan struct{}, connected *atomic.Int64) {
	client := dns.Client{Net: "tcp", Timeout: enough}
	for {
		select {
		case <-stop:
			return
		default:
		}
		conn, err := client.Dial(server)
		if err != nil {
			t.Errorf("connecting: %v", err)
			return
		}
		connected.Add(1)
		if _, _, err := client.ExchangeWithConn(new(dns.Msg).SetQuestion("auth.test.", dns.TypeSOA), conn); err != nil {
			t.Errorf("question over TCP: %v", err)
		}
		conn.Close()
	}
}

// updateAlways updates over a connection of its own each time, and complains of anything
// but a 200.
func updateAlways(t *testing.T, p *process, a registered, known *journal, stop <-chan struct{}, done *atomic.Int64) {
	client := &http.Client{Timeout: 2 * enough, Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		select {
		case <-stop:
			return
		default:
		}
		txt := newValue()
		body := fmt.Sprintf(`{"subdomain": %q, "txt": %q}`, a.Subdomain, txt)
		request, err := http.NewRequest(http.MethodPost, "http://"+p.api+"/update", strings.NewReader(body))
		if err != nil {
			t.Error(err)
			return
		}
		request.Header.Set("X-Api-User", a.Username)
		request.Header.Set("X-Api-Key", a.Password)
		response, err := client.Do(request)
		if err != nil {
			t.Errorf("update: %v", err)
			return
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("update: %s", response.Status)
			return
		}
		known.updated(a, txt)
		done.Add(1)
	}
}
