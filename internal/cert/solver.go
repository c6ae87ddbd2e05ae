package cert

import (
	"context"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"github.com/acmezone/acmezone/internal/zone"
)

const (
	// presentTime is how long the name servers may take for a value; nobody waits for
	// it but the CA, which does so for days.
	presentTime = 2 * time.Minute
	// cleanUpTime bounds taking it away again, also while the service ends.
	cleanUpTime = 10 * time.Second
	// longestForget bounds how long what resolvers remember is waited for: those of
	// CAs remember nothing for longer.
	longestForget = time.Minute
)

// solver answers a challenge as everybody's are answered: the value is made durable
// and published, so that it is there whichever process or name server is asked. It
// remembers nothing.
type solver struct {
	owner      string
	forget     func() time.Duration // is asked at each challenge
	challenges Challenges
}

// Present returns when every name server answers the value.
func (s *solver) Present(ctx context.Context, c acme.Challenge) error {
	ctx, cancel := context.WithTimeout(ctx, presentTime)
	defer cancel()
	return s.challenges.Publish(ctx, zone.SetValue{Owner: s.owner, Text: c.DNS01KeyAuthorization()})
}

// Wait lets resolvers forget that there was nothing, or something else.
func (s *solver) Wait(ctx context.Context, _ acme.Challenge) error {
	select {
	case <-time.After(min(s.forget(), longestForget)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// CleanUp takes away all that is there: nobody else's values can be, and those of an order
// in whose midst a process was killed would stay for as long as values live, or for ever.
func (s *solver) CleanUp(ctx context.Context, _ acme.Challenge) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
	defer cancel()
	return s.challenges.Commit(ctx, zone.RemoveValue{Owner: s.owner})
}
