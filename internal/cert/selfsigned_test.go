package cert

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSelfSignedIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "self-signed.pem")
	hosts, now := []string{"auth.test.", "127.0.0.1", "::1"}, time.Now()
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
		{"a host less", hosts[:1], now, true},
		{"years later", hosts, now.Add(selfSignedFor - renewBefore - time.Hour), true},
		{"near its end", hosts, now.Add(selfSignedFor - renewBefore + time.Hour), false},
	} {
		again, err := SelfSigned(path, c.hosts, c.now)
		if err != nil || (Fingerprint(again) == Fingerprint(first)) != c.same {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if err != nil || len(left) != 1 {
		t.Error(left, err)
	}
}

func TestSelfSignedForOtherHostsIsNew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "self-signed.pem")
	for _, host := range []string{"auth.test", "other.test", "192.0.2.1", strings.Repeat("long.", 40) + "test"} {
		pair, err := SelfSigned(path, []string{host}, time.Now())
		if err != nil || pair.Leaf.VerifyHostname(host) != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestSelfSignedSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.pem")
	write(t, broken, []byte("broken"))
	hosts := []string{"auth.test"}
	for _, c := range []struct {
		path  string
		hosts []string
		say   string
	}{
		{broken, hosts, broken + ": tls: failed to find any PEM data in certificate input; remove the file to have a new one made"},
		{dir, hosts, "the self-signed certificate: read " + dir + ": is a directory"},
		{filepath.Join(dir, "none", "c.pem"), hosts, "no such file or directory"},
		{filepath.Join(dir, "c.pem"), nil, "a self-signed certificate needs a host name or an address"},
		{filepath.Join(dir, "c.pem"), []string{"ü.test"}, "ü.test"},
	} {
		_, err := SelfSigned(c.path, c.hosts, time.Now())
		if err == nil || !strings.Contains(err.Error(), c.say) || strings.Contains(err.Error(), "\n") {
			t.Errorf("said %v\nwant %s", err, c.say)
		}
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
	listener, err := tls.Listen("tcp", "127.0.0.1:0", Config(get))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			err = conn.(*tls.Conn).Handshake()
			conn.Close()
		}
		done <- err
	}()
	roots := x509.NewCertPool()
	roots.AddCert(pair.Leaf)
	conn, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{RootCAs: roots, NextProtos: []string{"h2"}}) // by its address
	if err != nil {
		t.Fatal(err)
	}
	if p := conn.ConnectionState().NegotiatedProtocol; p != "h2" {
		t.Error(p)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	conn.Close()
	listener.Close()
}
