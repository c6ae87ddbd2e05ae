package cert

import (
	"crypto/x509"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/mholt/acmez/v3/acme"
)

// Waits after a failed try. A CA that isn't reached is asked again soon, since that
// costs it nothing and networks come up late; one that refuses, or couldn't see the
// challenge, counts such tries and shuts out who makes many (Let's Encrypt: five an
// hour for a name).
const (
	firstUnreached, lastUnreached = 5 * time.Second, 30 * time.Minute
	firstRefused, lastRefused     = time.Minute, 6 * time.Hour
	// longestPutOff bounds how long a CA's Retry-After is believed.
	longestPutOff = 7 * 24 * time.Hour
)

// When the CA is asked when it wants a certificate renewed (RFC 9773, section 4.3). A
// certificate that lives for hours has no window worth the question.
const (
	worthAsking       = 24 * time.Hour
	askEvery          = 6 * time.Hour
	soonest, farthest = time.Hour, 24 * time.Hour
)

// schedule is when something is to be done for a certificate. Times are as the wall
// clock has them, since that is what certificates end by.
type schedule struct {
	renewAt  time.Time // a new certificate is due; zero: there is none yet
	retryAt  time.Time // no try before, after failures
	failedAt time.Time // when the last of these was
	failures int
	askAt    time.Time // the CA is asked when it wants the renewal; zero: never
	leaf     *x509.Certificate
	info     acme.RenewalInfo // its answer
}

// next is when a try is due.
func (s *schedule) next() time.Time {
	if s.retryAt.After(s.renewAt) {
		return s.retryAt
	}
	return s.renewAt
}

// got begins anew with a certificate, of whose life the last third is for renewing it.
// The CA is asked for its wish after that time: who asks for one that has just come, and
// is told to renew it at once, would never end.
func (s *schedule) got(leaf *x509.Certificate, after time.Duration) {
	*s = schedule{leaf: leaf, renewAt: leaf.NotAfter.Add(-lifetime(leaf) / 3)}
	if lifetime(leaf) >= worthAsking {
		s.askAt = time.Now().Round(0).Add(after)
	}
}

func lifetime(leaf *x509.Certificate) time.Duration { return leaf.NotAfter.Sub(leaf.NotBefore) }

// asked takes the CA's answer: a moment of its window, chosen by chance, and never in
// the last sixth of the certificate's life. A window that was over before the certificate
// began is a mistake of the CA's, whose next certificate would fare no better.
func (s *schedule) asked(info acme.RenewalInfo, err error) {
	now := time.Now().Round(0)
	s.askAt = now.Add(askEvery)
	if err != nil || !info.HasWindow() {
		return
	}
	if info.RetryAfter != nil {
		s.askAt = now.Add(min(max(time.Until(*info.RetryAfter), soonest), farthest))
	}
	if info.SameWindow(s.info) || !info.SuggestedWindow.End.After(s.leaf.NotBefore) {
		return
	}
	s.info, s.renewAt = info, info.SelectedTime.Round(0)
	if latest := s.leaf.NotAfter.Add(-lifetime(s.leaf) / 6); s.renewAt.After(latest) {
		s.renewAt = latest
	}
}

// failed puts the next try off: each time for twice as long, but never for more than a
// tenth of what is left of the certificate, and as long as the CA says.
func (s *schedule) failed(unreached bool, retryAfter string) {
	now := time.Now().Round(0)
	first, last := firstRefused, lastRefused
	if unreached {
		first, last = firstUnreached, lastUnreached
	}
	wait := doubled(first, last, s.failures)
	if s.leaf != nil && s.leaf.NotAfter.After(now) {
		wait = min(wait, max(s.leaf.NotAfter.Sub(now)/10, first))
	}
	s.failures++
	wait += time.Duration(rand.Float64() * float64(wait) / 10) // so that many don't come together
	s.failedAt, s.retryAt = now, now.Add(max(wait, min(putOff(retryAfter, now), longestPutOff)))
}

// turnedBack puts right what was reckoned by a clock that was ahead: as a machine begins
// by its own, and goes over to that of others, all waits would last as much longer.
func (s *schedule) turnedBack(now time.Time) {
	now = now.Round(0)
	if now.Before(s.failedAt) {
		s.failedAt, s.retryAt = now, now.Add(s.retryAt.Sub(s.failedAt))
	}
	if s.askAt.Sub(now) > farthest {
		s.askAt = now
	}
}

func doubled(first, last time.Duration, times int) time.Duration {
	for ; times > 0 && first < last; times-- {
		first *= 2
	}
	return min(first, last)
}

// putOff reads Retry-After (RFC 9110, section 10.2.3).
func putOff(retryAfter string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(retryAfter, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(retryAfter); err == nil {
		return at.Sub(now)
	}
	return 0
}
