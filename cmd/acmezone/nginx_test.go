package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/acmezone/acmezone/internal/cert"
	"github.com/acmezone/acmezone/internal/logtest"
)

// front is nginx with examples/nginx.conf, before an acmezone on a socket and one on an
// address.
type front struct {
	t           *testing.T
	dir         string // that nginx's workers may enter
	socket      string // of the acmezone without TLS
	web, stream string // nginx's own addresses
	roots       *x509.CertPool
}

// proxied writes a configuration in which [api] is that, and starts it.
func proxied(t *testing.T, dir, api string) *process {
	t.Helper()
	path := writeTestConfig(t, dir)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const usual = "listen = [\"127.0.0.1:0\"]\ntls = \"off\"\nregister_from = [\"127.0.0.0/8\"]\n"
	changed := strings.Replace(string(text), "[api]\n"+usual, "[api]\nregister_from = [\"127.0.0.0/8\"]\n"+api, 1)
	if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	return start(t, path)
}

// newFront makes a folder as a package makes /run/acmezone, whose sockets are for the
// group that nginx belongs to.
func newFront(t *testing.T) *front {
	t.Helper()
	dir, err := os.MkdirTemp("", "front")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	group, err := user.LookupGroup("www-data")
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.Atoi(group.Gid)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, 0, gid); err != nil {
		t.Fatalf("%v: this test starts nginx, as root", err)
	}
	if err := os.Chmod(dir, 0o750|os.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	f := &front{t: t, dir: dir, socket: filepath.Join(dir, "api.sock"), web: freeAddress(t), stream: freeAddress(t), roots: x509.NewCertPool()}
	f.certificate(filepath.Join(dir, "nginx.pem"))
	return f
}

// certificate makes one for nginx, key and all in a file; an acmezone's own is read.
func (f *front) certificate(path string) {
	f.t.Helper()
	pair, err := cert.SelfSigned(path, []string{"auth.test", "127.0.0.1", "localhost", "::1"}, time.Now())
	if err != nil {
		f.t.Fatal(err)
	}
	f.roots.AddCert(pair.Leaf)
}

// start runs nginx before an acmezone at that address, until the test ends.
func (f *front) start(behind string) {
	f.t.Helper()
	example, err := os.ReadFile("../../examples/nginx.conf")
	if err != nil {
		f.t.Fatal(err)
	}
	pem := filepath.Join(f.dir, "nginx.pem")
	text := string(example)
	for _, change := range [][2]string{
		{"/run/nginx.pid", filepath.Join(f.dir, "nginx.pid")}, {"listen 443 ssl", "listen " + f.web + " ssl"},
		{"/etc/letsencrypt/live/auth.example.org/fullchain.pem", pem}, {"/etc/letsencrypt/live/auth.example.org/privkey.pem", pem},
		{"http://unix:/run/acmezone/api.sock", "http://unix:" + f.socket},
		{"listen 443;", "listen " + f.stream + ";"}, {"proxy_pass 127.0.0.1:8443", "proxy_pass " + behind},
		{"worker_processes auto", "worker_processes 1"},
	} {
		if !strings.Contains(text, change[0]) {
			f.t.Fatalf("examples/nginx.conf has no %q", change[0])
		}
		text = strings.ReplaceAll(text, change[0], change[1])
	}
	conf := filepath.Join(f.dir, "nginx.conf")
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
	said := &logtest.Buffer{}
	nginx := exec.Command("nginx", "-c", conf, "-e", "stderr", "-g", "daemon off;")
	nginx.Stderr = said
	if err := nginx.Start(); err != nil {
		f.t.Fatalf("%v: apt install nginx libnginx-mod-stream", err)
	}
	f.t.Cleanup(func() {
		_ = nginx.Process.Signal(syscall.SIGTERM) // it may have ended, which Wait says
		if err := nginx.Wait(); err != nil {
			f.t.Errorf("%v\n%s", err, said)
		}
	})
	eventually(f.t, "nginx answers", func() bool {
		conn, err := net.Dial("tcp", f.stream)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// caller sends requests from an address of this machine.
type caller struct {
	*front
	base, source string
	prefix       string // sent first, on each connection
}

func (c caller) post(path, body string, headers ...string) (int, string) {
	c.t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(c.source)}, Timeout: enough}
	transport := &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: c.roots, ServerName: "auth.test"},
		DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, "tcp", addr)
			if err == nil {
				_, err = io.WriteString(conn, c.prefix)
			}
			return conn, err
		},
	}
	request, err := http.NewRequest(http.MethodPost, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	request.Host = "auth.test"
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := (&http.Client{Transport: transport, Timeout: 2 * enough}).Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	content, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(content)
}

// register makes an account that may be used from 127.0.0.2 alone.
func (c caller) register() (a registered) {
	c.t.Helper()
	status, body := c.post("/register", `{"allowfrom":["127.0.0.2"]}`)
	if err := json.Unmarshal([]byte(body), &a); err != nil || status != http.StatusCreated {
		c.t.Fatalf("%d %s", status, body)
	}
	return a
}

func (c caller) update(a registered, headers ...string) int {
	c.t.Helper()
	value := strings.Repeat("a", 43)
	status, body := c.post("/update", fmt.Sprintf(`{"subdomain": %q, "txt": %q}`, a.Subdomain, value),
		append(headers, "X-Api-User", a.Username, "X-Api-Key", a.Password)...)
	if status == 0 {
		c.t.Log(body)
	}
	return status
}

// wantDecidedOnTheClient: the account may be used from its own address, whatever others
// say theirs is.
func (c caller) wantDecidedOnTheClient() {
	c.t.Helper()
	account := c.register()
	for _, x := range []struct {
		source, claimed string
		want            int
	}{
		{"127.0.0.2", "", 200}, {"127.0.0.2", "203.0.113.9", 200}, {"127.0.0.3", "", 401}, {"127.0.0.3", "127.0.0.2", 401},
		{"127.0.0.3", "127.0.0.2, 127.0.0.2", 401}, {"127.0.0.4", "127.0.0.2", 401},
	} {
		c.source = x.source
		var headers []string
		if x.claimed != "" {
			headers = []string{"X-Forwarded-For", x.claimed, "X-Real-IP", x.claimed, "Forwarded", "for=" + x.claimed}
		}
		if got := c.update(account, headers...); got != x.want {
			c.t.Errorf("from %s, which says %q: %d, want %d", x.source, x.claimed, got, x.want)
		}
	}
}

// TestBehindNginx runs examples/nginx.conf: over a unix socket with a path prefix, and
// with connections passed on, TLS and all.
func TestBehindNginx(t *testing.T) {
	f := newFront(t)
	plain := proxied(t, filepath.Join(f.dir, "plain"),
		fmt.Sprintf("listen = [%q]\ntls = \"off\"\nhostname = \"auth.test\"\npath_prefix = \"/acme\"\ntrusted_proxies = [\"unix\"]\n", f.socket))
	secure := proxied(t, filepath.Join(f.dir, "secure"), "listen = [\"127.0.0.1:0\"]\ntls = \"self-signed\"\ntrusted_proxies = [\"127.0.0.1\"]\n")
	f.certificate(filepath.Join(f.dir, "secure", "self-signed.pem"))
	f.start(secure.api)

	t.Run("unix socket, X-Forwarded-For", func(t *testing.T) {
		c := caller{front: f, base: "https://" + f.web + "/acme", source: "127.0.0.2"}
		c.wantDecidedOnTheClient()
		c.base = "https://" + f.web
		if status, _ := c.post("/register", ""); status != http.StatusNotFound {
			t.Errorf("without the prefix: %d", status)
		}
	})
	t.Run("server_url", func(t *testing.T) { f.wantServerURL(plain) })
	t.Run("stream, PROXY protocol 1, TLS", func(t *testing.T) {
		caller{front: f, base: "https://" + f.stream, source: "127.0.0.2"}.wantDecidedOnTheClient()
	})
	t.Run("PROXY protocol 2 by hand, TLS", func(t *testing.T) {
		c := caller{front: f, base: "https://" + secure.api, source: "127.0.0.1", prefix: version2(t, "127.0.0.2:9")}
		a := c.register()
		for source, want := range map[string]int{"127.0.0.2:9": 200, "127.0.0.3:9": 401} {
			c.prefix = version2(t, source)
			if got := c.update(a); got != want {
				t.Errorf("%s: %d, want %d", source, got, want)
			}
		}
		c.source, c.prefix = "127.0.0.3", version2(t, "127.0.0.2:9")
		if got := c.update(a); got != 0 {
			t.Errorf("a stranger's header: %d", got)
		}
	})
	t.Run("the socket goes with the service", func(t *testing.T) {
		if err := plain.stop(); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(f.socket); !os.IsNotExist(err) {
			t.Errorf("%s: %v", f.socket, err)
		}
		c := caller{front: f, base: "https://" + f.web + "/acme", source: "127.0.0.2"}
		if status, _ := c.post("/register", ""); status != http.StatusBadGateway {
			t.Errorf("%d", status)
		}
	})
}

// TestStreamWithoutTLS passes plain connections on.
func TestStreamWithoutTLS(t *testing.T) {
	f := newFront(t)
	plain := proxied(t, filepath.Join(f.dir, "plain"), "listen = [\"127.0.0.1:0\"]\ntls = \"off\"\ntrusted_proxies = [\"127.0.0.1\"]\n")
	f.start(plain.api)
	caller{front: f, base: "http://" + f.stream, source: "127.0.0.2"}.wantDecidedOnTheClient()
}

// wantServerURL stores an account through nginx and reads it back: clients that keep it
// must find the way.
func (f *front) wantServerURL(p *process) {
	f.t.Helper()
	config := filepath.Join(f.dir, "plain", "acmezone.toml")
	made := exec.Command(os.Args[0], "token", "create", "--config", config, "--domain", "a.test", "--json")
	made.Env = append(os.Environ(), beAcmezone+"=1")
	text, err := made.Output()
	var token struct{ Token string }
	if err == nil {
		err = json.Unmarshal(text, &token)
	}
	if err != nil {
		f.t.Fatalf("%v: %s", err, text)
	}
	c := caller{front: f, base: "https://" + f.web + "/acme/" + token.Token, source: "127.0.0.2"}
	a := c.register()
	body, err := json.Marshal(map[string]string{"fulldomain": a.FullDomain, "subdomain": a.Subdomain, "username": a.Username, "password": a.Password})
	if err != nil {
		f.t.Fatal(err)
	}
	if status, said := c.post("/storage/a.test", string(body)); status != http.StatusOK {
		f.t.Fatalf("%d %s", status, said)
	}
	request, err := http.NewRequest(http.MethodGet, c.base+"/storage/a.test", nil)
	if err != nil {
		f.t.Fatal(err)
	}
	request.Host = "auth.test"
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: f.roots, ServerName: "auth.test"}}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		f.t.Fatal(err)
	}
	defer response.Body.Close()
	content, _ := io.ReadAll(response.Body)
	if !strings.Contains(string(content), `"server_url":"https://auth.test/acme"`) {
		f.t.Errorf("%s", content)
	}
	if strings.Contains(p.log.String(), token.Token) {
		f.t.Error("the token is in the log")
	}
}

func version2(t *testing.T, source string) string {
	t.Helper()
	from, err := net.ResolveTCPAddr("tcp", source)
	if err != nil {
		t.Fatal(err)
	}
	text, err := proxyproto.HeaderProxyFromAddrs(2, from, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 443}).Format()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestSocketForClients: a socket that nobody serves is replaced, one that is served is
// not, and strangers can't connect.
func TestSocketForClients(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "api.sock")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()
	api := "listen = [\"unix:" + socket + "\"]\ntls = \"off\"\ntrusted_proxies = [\"unix\"]\n"
	p := proxied(t, filepath.Join(dir, "one"), api)
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("%v, %v", info, err)
	}
	path := writeTestConfig(t, filepath.Join(dir, "two"))
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	second := strings.Replace(string(text), `listen = ["127.0.0.1:0"]`, `listen = ["`+socket+`"]`, 1)
	if err := os.WriteFile(path, []byte(second), 0o600); err != nil {
		t.Fatal(err)
	}
	other, err := launch(t, path)
	if err == nil || !strings.Contains(other.log.String(), "api.listen: another acmezone serves "+socket) {
		t.Errorf("%v: %s", err, other.log)
	}
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if err := p.stop(); err != nil {
		t.Error(err)
	}
}
