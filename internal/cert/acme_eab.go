package cert

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"
)

// What a new account is bound to (external account binding, RFC 8555, section 7.3.4). The
// HMAC key is a secret, so no error here holds any of it.

// bindFix is what an operator has to do whose CA wants a binding.
const bindFix = "set api.acme_eab_kid to the key ID, and api.acme_eab_hmac_key_file to a file with the HMAC key, that the CA gives its customers for external account binding"

// errUnbound spares the CA a request that it has said it would refuse.
var errUnbound = errors.New("the CA takes only accounts that are bound to one of its customers': " + bindFix)

// binding reads the key, anew each time, since the file may be mended; nil where no
// binding is asked for.
func (a ACME) binding() (*acme.EAB, error) {
	if a.EABKid == "" {
		return nil, nil
	}
	text, err := os.ReadFile(a.EABKeyFile)
	if err != nil {
		return nil, fmt.Errorf("api.acme_eab_hmac_key_file: %w", err)
	}
	key, err := decodeMAC(text)
	if err != nil {
		return nil, fmt.Errorf("api.acme_eab_hmac_key_file: %s %w", a.EABKeyFile, err)
	}
	return &acme.EAB{KeyID: a.EABKid, MACKey: base64.RawURLEncoding.EncodeToString(key)}, nil
}

func (a ACME) checkBinding() error {
	_, err := a.binding()
	return err
}

// decodeMAC takes base64url without padding, as CAs are to give it, and what some give
// instead: with padding, or in the ordinary alphabet.
func decodeMAC(text []byte) ([]byte, error) {
	plain := strings.TrimRight(string(bytes.TrimSpace(text)), "=")
	if plain == "" {
		return nil, errors.New("is empty: it has to hold the HMAC key that the CA gives")
	}
	key, err := base64.RawURLEncoding.DecodeString(strings.NewReplacer("+", "-", "/", "_").Replace(plain))
	if err != nil { // which says where, and that is nobody's business
		return nil, errors.New("holds no key in base64url: it has to hold the HMAC key as the CA gives it, and nothing else")
	}
	return key, nil
}

// unregistered is why the CA gave no account. Bound says that a binding was offered.
type unregistered struct {
	error
	bound bool
}

func (u unregistered) Unwrap() error { return u.error }

// bind is certmagic's hook before an account is registered.
func (c *certMagic) bind(ctx context.Context, issuer *certmagic.ACMEIssuer, account acme.Account) (acme.Account, error) {
	c.storage.registering = true
	issuer.ExternalAccount, c.unbound = c.want.binding()
	if c.unbound == nil && issuer.ExternalAccount == nil {
		c.unbound = c.mayBeUnbound(ctx)
	}
	return account, c.unbound
}

// mayBeUnbound asks the directory whether the CA takes accounts without a binding. The
// library keeps what it hears, so that it isn't asked twice.
func (c *certMagic) mayBeUnbound(ctx context.Context) error {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: c.want.roots}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Timeout: time.Minute, Transport: transport}
	dir, err := (&acme.Client{Directory: c.want.Directory, HTTPClient: client}).GetDirectory(ctx)
	if err == nil && dir.Meta != nil && dir.Meta.ExternalAccountRequired {
		return errUnbound
	}
	return err
}
