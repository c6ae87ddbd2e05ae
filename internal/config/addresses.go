package config

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// maxSocketPath is what a unix socket's address has room for (sys/un.h).
const maxSocketPath = 107

// Whether a list of listeners may hold unix sockets.
const (
	addressesOnly = false
	takesSockets  = true
)

func listeners(key string, addrs []string, sockets bool) error {
	if len(addrs) == 0 {
		return fmt.Errorf("%s is empty: name an address such as \"198.51.100.1:53\" or \"[::]:443\"", key)
	}
	for i, addr := range addrs {
		if err := listener(key, addr, sockets); err != nil {
			return err
		}
		if slices.Contains(addrs[:i], addr) && !strings.HasSuffix(addr, ":0") {
			return fmt.Errorf("%s: %q is there twice", key, addr)
		}
	}
	return nil
}

func listener(key, addr string, sockets bool) error {
	switch {
	case sockets && isSocket(addr):
		path, _ := SocketPath(addr)
		if !filepath.IsAbs(path) {
			return fmt.Errorf("%s: %q is no unix socket such as \"/run/acmezone/api.sock\"", key, addr)
		}
		return socketPath(key, path)
	case !isListener(addr):
		return fmt.Errorf("%s: %q is not an address such as \"198.51.100.1:443\" or \"[::]:443\"", key, addr)
	}
	return nil
}

// isListener takes an address, not a host name: what a name stands for may change
// under a running service. Port 0 has the system pick one.
func isListener(addr string) bool {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if _, err := netip.ParseAddr(host); host != "" && err != nil {
		return false
	}
	return port == "0" || isPort(port)
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

// SocketPath returns the path of a listener that is a unix socket, "/run/x.sock" or
// "unix:/run/x.sock".
func SocketPath(addr string) (path string, ok bool) {
	return strings.TrimPrefix(addr, "unix:"), isSocket(addr)
}

func isSocket(addr string) bool {
	return strings.HasPrefix(addr, "/") || strings.HasPrefix(addr, "unix:")
}

func anySocket(addrs []string) bool { return slices.ContainsFunc(addrs, isSocket) }

func socketPath(key, path string) error {
	if len(path) > maxSocketPath {
		return fmt.Errorf("%s: %q is longer than the %d octets that a socket's path may have", key, path, maxSocketPath)
	}
	return nil
}

// servers takes what is to be asked: an address or a host name, and a port.
func servers(key string, addrs []string) error {
	for _, addr := range addrs {
		host, port, err := net.SplitHostPort(addr)
		if err != nil || host == "" || !isPort(port) {
			return fmt.Errorf("%s: %q is not a server such as \"198.51.100.1:53\"", key, addr)
		}
		if err := hostname(key, host); err != nil {
			return err
		}
	}
	return nil
}

// hostname takes a host name or an address. Underscores are let through, as in the
// zone's own name.
func hostname(key, s string) error {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		return nil
	}
	name := strings.TrimSuffix(s, ".")
	for label := range strings.SplitSeq(name, ".") {
		if !isLabel(label) || len(name) > 253 {
			return fmt.Errorf("%s: %q is not a host name such as \"auth.example.org\"", key, s)
		}
	}
	return nil
}

func isLabel(s string) bool {
	if s == "" || len(s) > 63 || strings.HasPrefix(s, "-") || strings.HasSuffix(s, "-") {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

func networks(key string, entries []string) error {
	for _, e := range entries {
		_, errPrefix := netip.ParsePrefix(e)
		addr, errAddr := netip.ParseAddr(e)
		if errPrefix != nil && (errAddr != nil || addr.Zone() != "") {
			return fmt.Errorf("%s: %q is neither a network such as \"192.0.2.0/24\" nor an address", key, e)
		}
	}
	return nil
}
