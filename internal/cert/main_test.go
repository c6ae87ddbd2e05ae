package cert

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/acmezone/acmezone/internal/logtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pairIn names the files of a pair in a folder.
func pairIn(dir string) (certFile, keyFile string) {
	return filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
}

// newPair makes a certificate for a host and its key, PEM.
func newPair(t *testing.T, host string) (chain, key []byte) {
	t.Helper()
	return newPairAt(t, host, time.Now())
}

func newPairAt(t *testing.T, host string, now time.Time) (chain, key []byte) {
	t.Helper()
	content, err := sign([]string{host}, now)
	if err != nil {
		t.Fatal(err)
	}
	block, rest := pem.Decode(content)
	return pem.EncodeToMemory(block), rest
}

// writePair makes the folder if it isn't there, and writes a new pair in place.
func writePair(t *testing.T, dir, host string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	certFile, keyFile := pairIn(dir)
	chain, key := newPair(t, host)
	write(t, certFile, chain)
	write(t, keyFile, key)
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// relink switches a link in one step.
func relink(t *testing.T, target, link string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(link), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link+".new"); err != nil {
		t.Fatal(err)
	}
	rename(t, link+".new", link)
}

// server answers handshakes with the pair in a folder, which it watches.
type server struct {
	t     *testing.T
	addr  string
	log   *transcript
	files *Files
}

func serve(t *testing.T, dir string) *server {
	t.Helper()
	log := &transcript{}
	certFile, keyFile := pairIn(dir)
	files, err := OpenFiles(certFile, keyFile, log.logger())
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", Config(files.GetCertificate))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := files.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	running.Go(func() {
		for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
			_ = conn.(*tls.Conn).Handshake()
			conn.Close()
		}
	})
	t.Cleanup(func() {
		cancel()
		listener.Close()
		running.Wait()
	})
	return &server{t, listener.Addr().String(), log, files}
}

// host returns the name in the certificate that a real handshake gets.
func (s *server) host() string {
	s.t.Helper()
	conn, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true}) // the name is all that is looked at
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].DNSNames[0]
}

func (s *server) waitFor(host string) {
	s.t.Helper()
	until(s.t, "the certificate of "+host, func() bool { return s.host() == host })
}

// until polls for what comes soon.
func until(t *testing.T, what string, reached func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !reached() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// transcript is what was logged.
type transcript struct{ logtest.Buffer }

func (l *transcript) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func (l *transcript) has(text string) bool { return strings.Contains(l.String(), text) }
