package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

func oneOf(key, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%s: %q is none of %s%s", key, value, strings.Join(allowed, ", "), didYouMean("%q", value, allowed))
}

// maxCount bounds the numbers of connections and answers.
const maxCount = 1_000_000

func atLeast(key string, value, least int) error {
	if value < least || value > maxCount {
		return fmt.Errorf("%s: %d is not from %d to %d", key, value, least, maxCount)
	}
	return nil
}

// UnixProxy in api.trusted_proxies is whoever connects to a unix socket.
const UnixProxy = "unix"

func proxies(key string, entries []string) error {
	if i := slices.Index(entries, UnixProxy); i >= 0 {
		entries = slices.Delete(slices.Clone(entries), i, i+1)
	}
	return networks(key, entries)
}

// origins takes them as browsers write them, for the two are compared as they are.
func origins(key string, entries []string) error {
	for _, e := range entries {
		if e != "*" && !isOrigin(e) {
			return fmt.Errorf("%s: %q is not an origin such as \"https://panel.example.org\", without a path or the usual port", key, e)
		}
	}
	return nil
}

// isOrigin reports whether a browser may write an origin like that (RFC 6454, 6.1).
func isOrigin(s string) bool {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme == "" || u.Hostname() == "" || strings.HasSuffix(u.Host, ":"):
		return false
	case u.Scheme == "https" && u.Port() == "443", u.Scheme == "http" && u.Port() == "80":
		return false
	}
	return strings.EqualFold(s, u.Scheme+"://"+u.Host)
}

func webAddress(key, s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return fmt.Errorf("%s: %q is not an address such as \"https://acme-v02.api.letsencrypt.org/directory\"", key, s)
	}
	return nil
}

func pathPrefix(key, p string) error {
	if p == "" || strings.HasPrefix(p, "/") && !strings.HasSuffix(p, "/") && !strings.ContainsAny(p, "?#% ") {
		return nil
	}
	return fmt.Errorf("%s: %q is not a path such as \"/acme\", with a slash before it and none behind", key, p)
}
