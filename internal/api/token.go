package api

import (
	"errors"
	"fmt"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// token returns the token that came with a request, if it is known, hasn't expired
// and may be used from where the request came. It may have no use left. Errors:
// zone.ErrToken, and zone.ErrNotStored where it couldn't be looked up.
func (h *handler) token(e *exchange) (zone.Token, error) {
	text, ok := requestToken(e.Request)
	if !ok {
		return zone.Token{}, fmt.Errorf("%w: there is none", zone.ErrToken)
	}
	token, err := h.Accounts.TokenOf(e.Context(), zone.SecretOf(text))
	switch {
	case errors.Is(err, zone.ErrToken):
		return zone.Token{}, err
	case err != nil:
		return zone.Token{}, fmt.Errorf("%w: %w", zone.ErrNotStored, err)
	}
	e.note("token", token.ID)
	e.proved = true
	if token.Expired(time.Now()) {
		return zone.Token{}, fmt.Errorf("%w: %s has expired", zone.ErrToken, token.ID)
	}
	if !token.AllowFrom.Allows(e.client) {
		return zone.Token{}, fmt.Errorf("%w: %s may not be used from here", zone.ErrToken, token.ID)
	}
	return token, nil
}

// countBadToken counts a token that isn't good as a failed login, and returns how the
// request is refused. Where none came there is nothing to count.
func (h *handler) countBadToken(e *exchange, refusal error) error {
	if _, given := requestToken(e.Request); !given {
		return refusal
	}
	return h.countFailure(e, refusal)
}
