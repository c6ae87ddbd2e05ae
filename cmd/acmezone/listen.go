package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/acmezone/acmezone/internal/config"
)

// listenTCP binds an address; "[::]" takes IPv4 too, and is IPv4 alone where the
// kernel has no IPv6.
func listenTCP(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EAFNOSUPPORT) && strings.HasPrefix(addr, "[::]:") {
		return lc.Listen(ctx, "tcp4", strings.TrimPrefix(addr, "[::]"))
	}
	return l, err
}

// listenClients binds an address of the API's, which may be a unix socket.
func listenClients(ctx context.Context, addr string) (net.Listener, error) {
	if path, ok := config.SocketPath(addr); ok {
		return listenSocket(ctx, "api.listen", path)
	}
	l, err := listenTCP(ctx, addr)
	if err != nil {
		return nil, withHint(fmt.Errorf("api: %w", err))
	}
	return l, nil
}

// withHint adds to an error of binding an address what the operator can do.
func withHint(err error) error {
	var op *net.OpError
	if !errors.As(err, &op) {
		return err
	}
	_, port, _ := net.SplitHostPort(fmt.Sprint(op.Addr))
	switch {
	case errors.Is(err, syscall.EADDRINUSE) && port == "53" && resolvedListens():
		return fmt.Errorf("%w: systemd-resolved has port 53; set dns.listen to this machine's own address, such as \"198.51.100.1:53\", or DNSStubListener=no in /etc/systemd/resolved.conf", err)
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w: another program has it, see 'ss -lntup sport = :%s'", err, port)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%w: this machine has no such address, see 'ip address'", err)
	case errors.Is(err, syscall.EACCES) && lowPort(port):
		return fmt.Errorf("%w: ports under 1024 need root or CAP_NET_BIND_SERVICE (in a systemd unit: AmbientCapabilities=CAP_NET_BIND_SERVICE)", err)
	}
	return err
}

func lowPort(port string) bool {
	n, err := strconv.Atoi(port)
	return err == nil && n < 1024
}

// resolvedListens reports whether somebody has the address that only systemd-resolved's
// stub uses, and not another beside it: who listens on all addresses has both.
func resolvedListens() bool { return taken("127.0.0.53:53") && !taken("127.0.0.52:53") }

func taken(addr string) bool {
	conn, err := net.ListenPacket("udp", addr)
	if err == nil {
		conn.Close()
	}
	return errors.Is(err, syscall.EADDRINUSE)
}

// listenSocket binds a unix socket, that of the key, for its owner and group alone. A
// socket that nobody serves any more is replaced; one that is being served is not.
func listenSocket(ctx context.Context, key, path string) (net.Listener, error) {
	if err := removeStale(ctx, path); err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	// Nobody may connect between bind and chmod, so it is made with no rights.
	old := syscall.Umask(0o177)
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", path)
	syscall.Umask(old)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	if err := os.Chmod(path, 0o660); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", key, err), l.Close())
	}
	return l, nil
}

func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("%s is there and is no socket", path)
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", path)
	if err == nil {
		conn.Close()
		return fmt.Errorf("another acmezone serves %s: stop that one first, or give this one another socket", path)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return os.Remove(path)
}
