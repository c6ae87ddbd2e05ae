package zone

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Account is a registration: who may set the values of one owner.
type Account struct {
	Username  string     `json:"username"`  // a UUID in canonical form
	Subdomain string     `json:"subdomain"` // its owner: one label below the apex, lower case
	Password  Secret     `json:"password,omitzero"`
	Bcrypt    string     `json:"bcrypt,omitempty"`  // what an import brought, until it is first used: in Password's place, or the one from before a rotation
	Ends      time.Time  `json:"ends,omitzero"`     // of Bcrypt, after a rotation; zero for never
	Further   []Password `json:"further,omitempty"` // that are good as well
	AllowFrom AllowList  `json:"allowfrom"`
	Domains   []string   `json:"domains,omitempty"` // that are bound to it (see ParseDomain), in the order of their names
	Token     string     `json:"token,omitempty"`   // ID of the token that made it, or ""
	Created   time.Time  `json:"created,omitzero"`
	Updated   time.Time  `json:"updated,omitzero"` // last update, exact to an hour; zero for never
	Comment   string     `json:"comment,omitempty"`

	FullDomain string `json:"fulldomain,omitempty"` // its full name, without the dot at the end; filled in for who is shown it
}

// Password is one that an account has besides its own: the one from before a
// rotation, or one that is given out through a token.
type Password struct {
	Secret  Secret    `json:"secret"`
	Token   string    `json:"token,omitempty"`  // ID of the token with which it ends, or ""
	Expires time.Time `json:"expires,omitzero"` // zero for never
}

// Accepts reports whether plain is one of the account's passwords at that time. How
// long it takes doesn't depend on which of them match, and next to not at all on how
// many there are: the hash is made once.
func (a Account) Accepts(plain string, now time.Time) bool {
	return a.accepts(plain, now, func(Password) bool { return true })
}

// AcceptsOwn is Accepts but for passwords that tokens give out.
func (a Account) AcceptsOwn(plain string, now time.Time) bool {
	return a.accepts(plain, now, func(p Password) bool { return p.Token == "" })
}

func (a Account) accepts(plain string, now time.Time, counts func(Password) bool) bool {
	secret := SecretOf(plain)
	ok := a.Password.equal(secret)
	for _, p := range a.Further {
		equal := p.Secret.equal(secret)
		ok = ok || equal && counts(p) && (p.Expires.IsZero() || now.Before(p.Expires))
	}
	return ok
}

// HasImported reports whether the password may be that of a bcrypt hash at that time.
func (a Account) HasImported(now time.Time) bool {
	return a.Bcrypt != "" && (a.Ends.IsZero() || now.Before(a.Ends))
}

// Imported returns the account as it is once plain was found to be the password of its
// bcrypt hash: with the fast hash in its place.
func (a Account) Imported(plain string) Account {
	if a.Ends.IsZero() {
		a.Password = SecretOf(plain)
	} else {
		a.Further = append(slices.Clip(a.Further), Password{Secret: SecretOf(plain), Expires: a.Ends})
	}
	a.Bcrypt, a.Ends = "", time.Time{}
	return a
}

// Shown returns the account as an operator may see it: without secrets, with its full
// name in the zone.
func (a Account) Shown(def *Definition) Account {
	a.Password, a.Bcrypt, a.Ends, a.Further, a.FullDomain = Secret{}, "", time.Time{}, nil, def.FullName(a.Subdomain)
	return a
}

// AccountFilter says which accounts are meant. The zero value means all of them.
type AccountFilter struct {
	After      string    `json:"after,omitempty"`      // user name after which a page begins
	Limit      int       `json:"limit,omitempty"`      // accounts in a page; 0 for the default
	Containing string    `json:"containing,omitempty"` // in user name, subdomain, comment or a domain
	Token      string    `json:"token,omitempty"`      // made with the token of that ID
	IdleSince  time.Time `json:"idle_since,omitzero"`  // neither made nor updated after it
	Bound      bool      `json:"bound,omitempty"`      // a domain is bound to it
}

// Secret is what is stored of a password or token. These are 40 random characters
// (over 230 bits), which nobody guesses however fast the hash: SHA-256 is right,
// and a slow hash would only let strangers keep the machine busy.
type Secret [sha256.Size]byte

// SecretOf returns what is stored of a password or token.
func SecretOf(plain string) Secret { return sha256.Sum256([]byte(plain)) }

// Matches reports, in constant time, whether plain is the password or token.
func (s Secret) Matches(plain string) bool { return s.equal(SecretOf(plain)) }

func (s Secret) equal(other Secret) bool { return subtle.ConstantTimeCompare(s[:], other[:]) == 1 }

// MarshalText writes it in hexadecimal digits.
func (s Secret) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, s[:]), nil }

// UnmarshalText reads what MarshalText wrote.
func (s *Secret) UnmarshalText(text []byte) error {
	if len(text) != 2*len(s) {
		return fmt.Errorf("a secret has %d hexadecimal digits, not %d", 2*len(s), len(text))
	}
	_, err := hex.Decode(s[:], text)
	return err
}

// passwordBytes of randomness make 40 characters of base64url.
const passwordBytes = 30

// NewPassword returns 40 random characters of A-Z a-z 0-9 _ -.
func NewPassword() string {
	b := make([]byte, passwordBytes)
	rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}

// challengeLength is that of a DNS-01 value: base64url of a SHA-256 digest
// (RFC 8555, section 8.4).
const challengeLength = 43

// ValidChallenge reports whether text can be a DNS-01 value.
func ValidChallenge(text string) bool {
	if len(text) != challengeLength {
		return false
	}
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// Reserved reports whether an owner belongs to the service itself, for the
// certificate of its own API, and so to no account.
func Reserved(owner string) bool {
	first, _, _ := strings.Cut(owner, ".")
	return strings.EqualFold(first, "_acme-challenge")
}
