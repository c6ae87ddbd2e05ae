package zone

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// Account is a registration: who may set the values of one owner.
type Account struct {
	Username  string // a UUID in canonical form
	Subdomain string // its owner: one label below the apex, lower case
	Password  Secret
	Bcrypt    string // instead of Password, until it is first used: what an import brought
	AllowFrom AllowList
	Created   time.Time
	Updated   time.Time // last update, exact to an hour; zero for never
	Comment   string
}

// Secret is what is stored of a password or token. These are 40 random characters
// (over 230 bits), which nobody guesses however fast the hash: SHA-256 is right,
// and a slow hash would only let strangers keep the machine busy.
type Secret [sha256.Size]byte

// SecretOf returns what is stored of a password or token.
func SecretOf(plain string) Secret { return sha256.Sum256([]byte(plain)) }

// Matches reports, in constant time, whether plain is the password or token.
func (s Secret) Matches(plain string) bool {
	other := SecretOf(plain)
	return subtle.ConstantTimeCompare(s[:], other[:]) == 1
}

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
