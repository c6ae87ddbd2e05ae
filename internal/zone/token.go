package zone

import (
	"strings"
	"time"
)

// TokenPrefix begins every registration token, so that it is told from other
// words where a client can only put it into a path or a password.
const TokenPrefix = "acmezone_"

// Token is a right to register, for clients outside register_from.
type Token struct {
	ID      string    `json:"id"` // what list and revoke call it; no secret
	Secret  Secret    `json:"secret,omitzero"`
	Uses    int       `json:"uses"`             // registrations left; negative for any number
	Expires time.Time `json:"expires,omitzero"` // zero for never
	Created time.Time `json:"created,omitzero"`
	Comment string    `json:"comment,omitempty"`
}

// NewToken returns the secret text of a new token; it is stored as SecretOf(text)
// and shown once.
func NewToken() string { return TokenPrefix + NewPassword() }

// LooksLikeToken reports whether a word is meant as a token.
func LooksLikeToken(word string) bool { return strings.HasPrefix(word, TokenPrefix) }

// Spent reports whether the token no longer gives a right at that time.
func (t Token) Spent(now time.Time) bool {
	return t.Uses == 0 || !t.Expires.IsZero() && !now.Before(t.Expires)
}
