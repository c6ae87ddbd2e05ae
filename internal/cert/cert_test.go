package cert

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// split writes a new pair for a host into two files.
func split(t *testing.T, host, certFile, keyFile string) {
	t.Helper()
	content, err := sign([]string{host}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	block, rest := pem.Decode(content)
	for path, text := range map[string][]byte{certFile: pem.EncodeToMemory(block), keyFile: rest} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// served returns the name in the certificate that a real handshake gets.
func served(t *testing.T, addr string) string {
	t.Helper()
	conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true}) // the name is all that is looked at
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].DNSNames[0]
}

// serve answers handshakes with a certificate that is being watched.
func serve(t *testing.T, files *Files) (addr string) {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", Config(files.GetCertificate))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	watched, accepted := make(chan error, 1), make(chan struct{})
	go func() { watched <- files.Run(ctx) }()
	go func() {
		defer close(accepted)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.(*tls.Conn).Handshake()
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		cancel()
		listener.Close()
		<-accepted
		if err := <-watched; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

func until(t *testing.T, addr, host string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for served(t, addr) != host {
		if time.Now().After(deadline) {
			t.Fatalf("still %s, want %s", served(t, addr), host)
		}
		<-time.After(10 * time.Millisecond)
	}
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func TestFilesAreTakenUpWhenTheyChange(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	split(t, "one.test", certFile, keyFile)
	files, err := OpenFiles(certFile, keyFile, quiet)
	if err != nil {
		t.Fatal(err)
	}
	addr := serve(t, files)
	until(t, addr, "one.test")

	split(t, "two.test", certFile, keyFile) // in place
	until(t, addr, "two.test")

	split(t, "three.test", certFile+".new", keyFile+".new") // by renaming
	for _, f := range []string{certFile, keyFile} {
		if err := os.Rename(f+".new", f); err != nil {
			t.Fatal(err)
		}
	}
	until(t, addr, "three.test")

	if err := os.WriteFile(certFile, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	files.reload()
	until(t, addr, "three.test")
	split(t, "four.test", certFile, keyFile)
	until(t, addr, "four.test")
}

// TestFilesBehindALink switches a link to a folder, as certificates are renewed
// under Kubernetes, and links to the files, as certbot does.
func TestFilesBehindALink(t *testing.T) {
	for name, link := range map[string]func(t *testing.T, dir, version string){
		"folder": func(t *testing.T, dir, version string) { relink(t, version, filepath.Join(dir, "live")) },
		"files": func(t *testing.T, dir, version string) {
			if err := os.MkdirAll(filepath.Join(dir, "live"), 0o700); err != nil {
				t.Fatal(err)
			}
			for _, f := range []string{"cert.pem", "key.pem"} {
				relink(t, filepath.Join("..", version, f), filepath.Join(dir, "live", f))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, version := range []string{"one", "two", "three"} {
				folder := filepath.Join(dir, version)
				if err := os.Mkdir(folder, 0o700); err != nil {
					t.Fatal(err)
				}
				split(t, version+".test", filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem"))
			}
			link(t, dir, "one")
			files, err := OpenFiles(filepath.Join(dir, "live", "cert.pem"), filepath.Join(dir, "live", "key.pem"), quiet)
			if err != nil {
				t.Fatal(err)
			}
			addr := serve(t, files)
			for _, version := range []string{"two", "three", "one"} {
				link(t, dir, version)
				until(t, addr, version+".test")
			}
		})
	}
}

// relink switches a link in one step.
func relink(t *testing.T, target, link string) {
	t.Helper()
	if err := os.Symlink(target, link+".new"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(link+".new", link); err != nil {
		t.Fatal(err)
	}
}

func TestOpenFilesSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	split(t, "one.test", certFile, keyFile)
	otherCert, otherKey := filepath.Join(dir, "cert2.pem"), filepath.Join(dir, "key2.pem")
	split(t, "two.test", otherCert, otherKey)
	for _, c := range [][3]string{
		{filepath.Join(dir, "none"), keyFile, "api.cert_file"},
		{certFile, filepath.Join(dir, "none"), "api.key_file"},
		{certFile, otherKey, "does not match"},
		{keyFile, keyFile, keyFile},
	} {
		if _, err := OpenFiles(c[0], c[1], quiet); err == nil || !strings.Contains(err.Error(), c[2]) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func TestSelfSignedIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "self-signed.pem")
	hosts, now := []string{"auth.test", "127.0.0.1"}, time.Now()
	first, err := SelfSigned(path, hosts, now)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	for _, c := range []struct {
		what  string
		hosts []string
		now   time.Time
		same  bool
	}{
		{"restart", hosts, now, true},
		{"years later", hosts, now.Add(selfSignedFor - renewBefore - time.Hour), true},
		{"near its end", hosts, now.Add(selfSignedFor - renewBefore + time.Hour), false},
	} {
		again, err := SelfSigned(path, c.hosts, c.now)
		if err != nil || (Fingerprint(again) == Fingerprint(first)) != c.same {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	other, err := SelfSigned(path, []string{"other.test"}, now)
	if err != nil || other.Leaf.VerifyHostname("other.test") != nil {
		t.Errorf("another host: %v", err)
	}
	if err := os.WriteFile(path, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := SelfSigned(path, hosts, now); err == nil || !strings.Contains(err.Error(), "remove the file") {
		t.Error(err)
	}
}

// TestSelfSignedIsTrustedByWhoIsGivenIt makes a real connection with the
// certificate as its only root.
func TestSelfSignedIsTrustedByWhoIsGivenIt(t *testing.T) {
	pair, err := SelfSigned(filepath.Join(t.TempDir(), "c.pem"), []string{"auth.test", "127.0.0.1"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	get := func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair, nil }
	here, there := net.Pipe()
	roots := x509.NewCertPool()
	roots.AddCert(pair.Leaf)
	done := make(chan error, 1)
	go func() { done <- tls.Server(there, Config(get)).Handshake() }()
	if err := tls.Client(here, &tls.Config{RootCAs: roots, ServerName: "auth.test"}).Handshake(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	here.Close()
	there.Close()
}
