package zone

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"time"
)

// TokenPrefix begins every registration token, so that it is told from other
// words where a client can only put it into a path or a password.
const TokenPrefix = "acmezone_"

// Token is a right to register, for clients outside register_from, and to have
// domains bound to what was registered. It is good for reading what is bound already
// even when its uses are up.
type Token struct {
	ID        string    `json:"id"` // what list and revoke call it; no secret
	Secret    Secret    `json:"secret,omitzero"`
	Uses      int       `json:"uses"`               // registrations left; negative for any number
	Quota     int       `json:"quota,omitempty"`    // accounts it may have at a time; 0 for any number
	Domains   Patterns  `json:"domains,omitempty"`  // that it may bind; none: it registers, no more
	AllowFrom AllowList `json:"allowfrom,omitzero"` // networks it may be used from
	Expires   time.Time `json:"expires,omitzero"`   // zero for never
	Created   time.Time `json:"created,omitzero"`
	Comment   string    `json:"comment,omitempty"`
}

// NewToken returns the secret text of a new token; it is stored as SecretOf(text)
// and shown once.
func NewToken() string { return TokenPrefix + NewPassword() }

// LooksLikeToken reports whether a word is meant as a token.
func LooksLikeToken(word string) bool { return strings.HasPrefix(word, TokenPrefix) }

// Spent reports whether no registration can be charged to the token at that time.
func (t Token) Spent(now time.Time) bool { return t.Uses == 0 || t.Expired(now) }

// Expired reports whether the token is good for nothing any more.
func (t Token) Expired(now time.Time) bool { return !t.Expires.IsZero() && !now.Before(t.Expires) }

// DerivedPassword returns the password that a token gives out for an account. It can
// be made again whenever the token comes with a request, so nothing has to be kept
// from which it could be read: of the token and of the password there are hashes only.
func DerivedPassword(token, username string) string {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte("acmezone account password\x00" + username))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:passwordBytes])
}
