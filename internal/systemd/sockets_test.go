package systemd

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// handed returns a socket as the manager hands it over, under that name; the manager's own
// one stays open.
func handed(t *testing.T, name, network, addr string) *os.File {
	t.Helper()
	var held interface {
		File() (*os.File, error)
		Close() error
	}
	var config net.ListenConfig
	if strings.HasPrefix(network, "udp") || network == "unixgram" {
		conn, err := config.ListenPacket(context.Background(), network, addr)
		if err != nil {
			t.Fatal(err)
		}
		switch conn := conn.(type) {
		case *net.UDPConn:
			held = conn
		case *net.UnixConn:
			held = conn
		}
	} else {
		l, err := config.Listen(context.Background(), network, addr)
		if err != nil {
			t.Fatal(err)
		}
		switch l := l.(type) {
		case *net.TCPListener:
			held = l
		case *net.UnixListener:
			held = l
		}
	}
	t.Cleanup(func() { held.Close() })
	file, err := held.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	fd, err := dup(file)
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(fd, name)
}

func inherit(t *testing.T, files ...*os.File) *Sockets {
	t.Helper()
	s := &Sockets{}
	t.Cleanup(s.Close)
	for _, f := range files {
		if err := s.add(f); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	return s
}

// TestSocketsGoWhereTheyBelong by their names, and by their addresses where the names say
// nothing.
func TestSocketsGoWhereTheyBelong(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "api.sock")
	s := inherit(t,
		handed(t, "dns", "udp", "127.0.0.1:0"), handed(t, "dns", "tcp", "127.0.0.1:0"),
		handed(t, "api", "tcp", "127.0.0.1:0"), handed(t, "acmezone.socket", "tcp", "[::]:0"), handed(t, "x", "unix", path))
	mine := s.streams[1].listener.Addr().String()
	udp, tcp := s.DNS([]string{mine}) // that one is the API's by its name
	if len(udp) != 1 || len(tcp) != 1 {
		t.Errorf("%d UDP, %d TCP", len(udp), len(tcp))
	}
	for _, l := range tcp {
		l.Close()
	}
	for _, c := range udp {
		c.Close()
	}
	wildcard := s.streams[1].listener.Addr().String()
	for _, addr := range []string{mine, strings.TrimPrefix(wildcard, "[::]"), "unix:" + path} {
		l := s.API(addr)
		if l == nil {
			t.Errorf("nothing at %s", addr)
			continue
		}
		l.Close()
	}
	if err := s.Rest(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the socket of the manager's is gone: %v", err)
	}
	if l := s.API(path); l != nil {
		t.Error("one socket twice")
	}
}

// TestRestIsRefused names what nobody wants, and which key would.
func TestRestIsRefused(t *testing.T) {
	for _, c := range []struct{ name, network, key string }{{"api", "tcp", "api.listen"}, {"other", "tcp", "api.listen"}, {"dns", "tcp", "dns.listen"}, {"dns", "udp", "dns.listen"}} {
		s := inherit(t, handed(t, c.name, c.network, "127.0.0.1:0"))
		if err := s.Rest(); err == nil || !strings.Contains(err.Error(), c.key) || !strings.Contains(err.Error(), "127.0.0.1:") {
			t.Errorf("%v: %v", c, err)
		}
	}
}

// TestOnlySocket is for a process that serves nothing else.
func TestOnlySocket(t *testing.T) {
	folder := t.TempDir()
	path := func(name string) string { return filepath.Join(folder, name) }
	none := inherit(t)
	if l, err := none.Only(); l != nil || err != nil {
		t.Errorf("%v, %v", l, err)
	}
	l, err := inherit(t, handed(t, "x", "unix", path("one"))).Only()
	if err != nil || l.Addr().String() != path("one") {
		t.Fatalf("%v, %v", l, err)
	}
	l.Close()
	for want, s := range map[string]*Sockets{
		"hands over 2 sockets": inherit(t, handed(t, "x", "unix", path("two")), handed(t, "x", "unix", path("three"))),
		"is to be a path":      inherit(t, handed(t, "x", "tcp", "127.0.0.1:0")),
		"is no unix socket":    inherit(t, handed(t, "x", "udp", "127.0.0.1:0")),
	} {
		if l, err := s.Only(); l != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, %v, not %q", l, err, want)
		}
	}
}

// TestUselessSocketIsRefused in one line.
func TestUselessSocketIsRefused(t *testing.T) {
	pipe, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	defer pipe.Close()
	gram := handed(t, "dns", "unixgram", filepath.Join(t.TempDir(), "x"))
	defer gram.Close()
	for _, f := range []*os.File{pipe, gram} {
		if err := new(Sockets).add(f); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v", err)
		}
	}
}

// TestNoManager does nothing, and doesn't fail.
func TestNoManager(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	m, err := Find(nil)
	if m != nil || err != nil || m.Watchdog() != 0 {
		t.Fatalf("%v, %v", m, err)
	}
	done := false
	m.Ready()
	m.Reload(func() { done = true })
	m.Status("x")
	m.Feed()
	m.Stopping()
	m.Extend(t.Context(), time.Hour)
	if !done {
		t.Error("without a manager nothing is reloaded")
	}
	var s *Sockets
	if udp, tcp := s.DNS(nil); udp != nil || tcp != nil || s.API("x") != nil || s.Rest() != nil {
		t.Error("sockets from nobody")
	}
	s.Close()
}

// dup copies a descriptor, so that closing the file doesn't close it.
func dup(file *os.File) (uintptr, error) {
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	return uintptr(fd), err
}
