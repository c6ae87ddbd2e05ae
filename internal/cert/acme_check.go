package cert

import (
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"strings"

	"github.com/caddyserver/certmagic"
)

// What a CA would refuse each time is better known before it is asked.

// checkHost refuses what no certificate is had for by DNS-01: an address (RFC 8738,
// section 7) and names with other characters than those of hosts.
func (a ACME) checkHost() error {
	const instead = `choose another name, or set api.tls to "files" or "self-signed"`
	if _, err := netip.ParseAddr(a.Host); err == nil {
		return fmt.Errorf("api.hostname: %s is an address, for which no CA gives a certificate by DNS: %s", a.Host, instead)
	}
	if strings.Contains(a.Host, "_") {
		return fmt.Errorf("api.hostname: %s has an underscore, and no CA gives a certificate for such a name: %s", a.Host, instead)
	}
	return nil
}

// checkDirectory asks for HTTPS, as the library does when it is too late to say so; it
// lets CAs of a private network be.
func (a ACME) checkDirectory() error {
	u, err := url.Parse(a.Directory)
	if err != nil {
		return fmt.Errorf("api.acme_directory: %w", err)
	}
	if u.Scheme == "http" && !certmagic.SubjectIsInternal(u.Host) {
		return fmt.Errorf("api.acme_directory: %s has to begin with https://, since this CA isn't in a private network", a.Directory)
	}
	return nil
}

func (a ACME) checkEmail() error {
	if a.Email == "" {
		return nil
	}
	if at, err := mail.ParseAddress(a.Email); err != nil || at.Address != a.Email {
		return fmt.Errorf("api.acme_email: %q is no mail address such as \"hostmaster@example.org\"", a.Email)
	}
	return nil
}
