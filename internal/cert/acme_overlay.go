package cert

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/caddyserver/certmagic"
)

// accounts is the folder of all accounts, as certmagic lays it out.
const accounts = "acme"

// storage is certmagic's way to the folder. The service has it for itself, since it has
// the database for itself, and one goroutine uses it: a lock file would only be left over
// by kill -9, and its keeper outlive its use.
type storage struct {
	certmagic.FileStorage
	account     string // the key of the account's registration
	kid         string // of the binding that the account has to have; empty: any, or none
	registering bool   // an account is being registered
	gone        bool   // the account was, at the CA
	issued      issued // what came
}

func newStorage(m *Managed) *storage {
	return &storage{FileStorage: certmagic.FileStorage{Path: m.Storage}, account: m.accountKey(), kid: m.EABKid, issued: issued{}}
}

// accountKey is where certmagic keeps the account, by the CA and the mail address.
func (a ACME) accountKey() string {
	const nobody = "default"
	email := strings.ToLower(a.Email)
	if email == "" {
		email = nobody
	}
	user, _, _ := strings.Cut(email, "@")
	safe := certmagic.StorageKeys.Safe
	return path.Join(accounts, safe(a.issuer()), "users", safe(email), safe(user)+".json")
}

// issuer is how certmagic calls the CA.
func (a ACME) issuer() string { return (&certmagic.ACMEIssuer{CA: a.Directory}).IssuerKey() }

func (*storage) Lock(ctx context.Context, _ string) error { return ctx.Err() }
func (*storage) Unlock(context.Context, string) error     { return nil }

// Store holds a certificate back: whether it is any good, and how it is kept, isn't the
// library's business, which would replace the key of the one from before first. It keeps
// what root writes the folder's owner's, as the database is: who tries the service as
// root must not keep its own user from it.
func (s *storage) Store(ctx context.Context, key string, value []byte) error {
	if isCertificate(key) {
		s.issued[path.Base(key)] = value
		return nil
	}
	key = s.ours(key)
	if err := s.FileStorage.Store(ctx, key, value); err != nil {
		return err
	}
	return handOver(s.Path, filepath.FromSlash(key))
}

// ours has the account be kept where it is looked for: the library looks by the address in
// the configuration, and keeps by the one that the CA repeats. Some CAs repeat none, since
// they keep none, and would be asked for another account with each order.
func (s *storage) ours(key string) string {
	if !strings.HasPrefix(key, accounts+"/") {
		return key
	}
	return strings.TrimSuffix(s.account, ".json") + path.Ext(key)
}

func isCertificate(key string) bool { return strings.HasPrefix(key, certificates+"/") }

// Load has an account that is bound to another customer be none. It is replaced when
// there is one that is bound as it should be.
func (s *storage) Load(ctx context.Context, key string) ([]byte, error) {
	value, err := s.FileStorage.Load(ctx, key)
	if err == nil && key == s.account && s.boundElsewhere(value) {
		return nil, &fs.PathError{Op: "use", Path: s.Filename(key), Err: fs.ErrNotExist}
	}
	return value, err
}

// boundElsewhere leaves an account without a binding be, which the CA has taken as it is.
func (s *storage) boundElsewhere(registration []byte) bool {
	var account struct {
		ExternalAccountBinding struct{ Protected string }
	}
	if s.kid == "" || json.Unmarshal(registration, &account) != nil {
		return false
	}
	header, err := base64.RawURLEncoding.DecodeString(account.ExternalAccountBinding.Protected)
	var bound struct{ Kid string }
	if err != nil || json.Unmarshal(header, &bound) != nil {
		return false
	}
	return bound.Kid != "" && bound.Kid != s.kid
}

// known reports whether there is an account that can be used.
func (s *storage) known(ctx context.Context) bool {
	_, err := s.Load(ctx, s.account)
	return err == nil
}

// Exists has a certificate whose data about itself are broken be none: the library
// couldn't renew it, and would not get another one either.
func (s *storage) Exists(ctx context.Context, key string) bool {
	if isCertificate(key) && path.Ext(key) == ".json" {
		value, err := s.Load(ctx, key)
		return err == nil && json.Valid(value)
	}
	return s.FileStorage.Exists(ctx, key)
}

// errGone ends an order whose account the CA has forgotten. Left alone, the library would
// register another one, order with the old one all the same, and register yet another.
var errGone = errors.New("the CA doesn't know the account any more")

// Delete notices that the library gives the account up.
func (s *storage) Delete(ctx context.Context, key string) error {
	key = s.ours(key)
	err := s.FileStorage.Delete(ctx, key)
	if err == nil && key == s.account && !s.registering {
		s.gone = true
		return errGone
	}
	return err
}
