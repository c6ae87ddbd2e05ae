package nsdctl

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/user"
	"strings"
	"syscall"
	"time"
)

const (
	// magic begins every command; NSD reads just these octets first.
	magic = "NSDCT1 "
	// dialTime bounds the connecting. On one machine it takes microseconds.
	dialTime = 2 * time.Second
	// answerTime bounds everything after that. NSD answers at once, but for a
	// moment in which it takes over a big zone.
	answerTime = 5 * time.Second
	// maxAnswer is more than any command used here answers.
	maxAnswer = 1 << 20
)

// commander has NSD carry out one control command and returns what it answers.
type commander interface {
	send(ctx context.Context, command string) (string, error)
}

// channel speaks NSD's control protocol (NSD's remote.c): the magic and one command
// in one write, since NSD's xfrd process waits, deaf to all others, for whoever has
// begun to talk; then an answer until the end of file.
type channel struct {
	network, address string
	tls              *tls.Config // nil on a unix socket
}

func newChannel(c control) (*channel, error) {
	if strings.HasPrefix(c.address, "/") {
		return &channel{network: "unix", address: c.address}, nil
	}
	config, err := controlTLS(c)
	if err != nil {
		return nil, fmt.Errorf("NSD's control channel at %s: %w", c.address, err)
	}
	return &channel{network: "tcp", address: c.address, tls: config}, nil
}

func (c *channel) send(ctx context.Context, command string) (string, error) {
	conn, err := c.dial(ctx)
	if err != nil {
		return "", c.explain(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(answerTime))
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := io.WriteString(conn, magic+command+"\n"); err != nil {
		return "", c.explain(err)
	}
	answer, err := io.ReadAll(io.LimitReader(conn, maxAnswer))
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil && len(answer) == 0 {
		return "", c.explain(err)
	}
	if len(answer) == 0 {
		return "", fmt.Errorf("NSD's control channel %s was closed without an answer: NSD takes ten connections at once; see who holds them with 'ss -px'", c.address)
	}
	return string(answer), nil
}

// dial connects; a handshake of TLS has its deadline as well.
func (c *channel) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	var plain net.Dialer
	if c.tls == nil {
		return plain.DialContext(ctx, c.network, c.address)
	}
	secure := tls.Dialer{NetDialer: &plain, Config: c.tls}
	return secure.DialContext(ctx, c.network, c.address)
}

// explain says what the operator can do.
func (c *channel) explain(err error) error {
	what := ""
	switch {
	case errors.Is(err, fs.ErrNotExist):
		what = "is not there: NSD isn't running, or its nsd.conf has another control-interface"
	case errors.Is(err, syscall.ECONNREFUSED):
		what = "is refused: NSD isn't running, or its nsd.conf has another control-interface"
	case errors.Is(err, fs.ErrPermission):
		what = fmt.Sprintf("may not be used by %s: give the service NSD's group, on Debian with SupplementaryGroups=nsd in its systemd unit or 'usermod -aG nsd %[1]s', and restart it", userName())
	case errors.Is(err, syscall.EAGAIN):
		what = "is full: NSD takes no connections; is its xfrd process stuck?"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		what = "doesn't answer: NSD's xfrd process is stuck or stopped, or another client holds it"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF):
		what = "was cut off: NSD takes ten connections at once, and ends while it restarts"
	}
	if what == "" {
		return fmt.Errorf("NSD's control channel %s: %w", c.address, err)
	}
	return fmt.Errorf("NSD's control channel %s %s (%w)", c.address, what, err)
}

// userName is who runs this process.
func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprintf("user %d", os.Geteuid())
}

// controlTLS trusts NSD's own certificate and no other, and shows the client's.
func controlTLS(c control) (*tls.Config, error) {
	pem, err := os.ReadFile(c.server)
	if err != nil {
		return nil, fmt.Errorf("NSD's certificate can't be read: %w; a unix socket as control-interface needs none", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("there is no certificate in %s", c.server)
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return nil, fmt.Errorf("the client's certificate: %w; a unix socket as control-interface needs none", err)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{pair},
		MinVersion:   tls.VersionTLS12,
		// The names in certificates that nsd-control-setup made before NSD 4.4.0 are
		// in a place that isn't looked at any more; verify does all the checks.
		InsecureSkipVerify: true,
		VerifyConnection:   func(state tls.ConnectionState) error { return verify(state, roots) },
	}, nil
}

// verify wants a chain to NSD's certificate, for the name "nsd" where it has names.
func verify(state tls.ConnectionState, roots *x509.CertPool) error {
	leaf := state.PeerCertificates[0]
	options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	if len(leaf.DNSNames) > 0 {
		options.DNSName = "nsd"
	}
	for _, cert := range state.PeerCertificates[1:] {
		options.Intermediates.AddCert(cert)
	}
	_, err := leaf.Verify(options)
	return err
}
