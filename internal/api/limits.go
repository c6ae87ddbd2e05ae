package api

import (
	"cmp"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/acmezone/acmezone/internal/limit"
	"github.com/acmezone/acmezone/internal/zone"
)

// Limits are what one client may take. The zero value has none.
type Limits struct {
	Exempt        []netip.Prefix // that aren't counted
	Registrations limit.Rate     // of one client, without a token
	FailedLogins  limit.Rate     // of one client
	Updates       limit.Rate     // of one account
	RefusalTime   time.Duration  // how long a refused login takes at least; 0 for a quarter of a second
}

// maxCounted is how many clients, or accounts, are counted at once, at up to 400 octets
// each: under 7 MB for each of the limits.
const maxCounted = 1 << 14

// How long a refusal takes at least, from when the credentials were there. It keeps to
// itself whether there is such an account: neither looking it up, nor the bcrypt check of
// one that was imported (60 ms), shows in the time. Where a client has failed too often,
// and many others as well, nothing is checked: a flood mustn't be held.
const (
	wrongTime   = 250 * time.Millisecond
	limitedTime = 2 * time.Millisecond
)

// maxPatience is how many logins at once, of clients that have failed too often, are
// treated like others' all the same: somebody else's may be among them, behind the same
// address, with the right password of an import. That is known after a slow check only.
const maxPatience = 64

// loggedRefusals bounds the warnings of requests that were refused, which anybody can send
// as often as he likes: a flood must not fill the log. The others are there at level debug.
var loggedRefusals = limit.Rate{Events: 120, Per: time.Minute}

// limits count what clients do. Whoever calls from an address that isn't known is one
// client with all the others of whom it isn't.
type limits struct {
	registrations *limit.Buckets[netip.Prefix]
	failures      *limit.Buckets[netip.Prefix]
	checks        *limit.Buckets[check]        // slow ones, of wrong passwords
	updates       *limit.Buckets[string]       // by user name
	said          *limit.Buckets[netip.Prefix] // what was logged of refusals for these limits
	refused       *limit.Buckets[struct{}]     // what was logged of refusals at all
	patience      chan struct{}                // a token for each login that maxPatience bounds
}

// check is a slow check of an imported password.
type check struct {
	client   netip.Prefix
	username string
}

func newLimits(l Limits) *limits {
	return &limits{
		registrations: limit.NewBuckets[netip.Prefix](l.Registrations, maxCounted),
		failures:      limit.NewBuckets[netip.Prefix](l.FailedLogins, maxCounted),
		checks:        limit.NewBuckets[check](l.FailedLogins, maxCounted),
		updates:       limit.NewBuckets[string](l.Updates, maxCounted),
		said:          limit.NewBuckets[netip.Prefix](limit.Rate{Events: 1, Per: time.Minute}, maxCounted),
		refused:       limit.NewBuckets[struct{}](loggedRefusals, 1),
		patience:      make(chan struct{}, maxPatience),
	}
}

// setRates has other rates count from now on. It may be called while requests are counted.
func (l *limits) setRates(to Limits) {
	l.registrations.SetRate(to.Registrations)
	l.failures.SetRate(to.FailedLogins)
	l.checks.SetRate(to.FailedLogins)
	l.updates.SetRate(to.Updates)
}

// saidEnough reports whether the log has been told of refusals as often as it should: for
// these limits once a minute of each client, for whatever reason twice a second in all.
func (l *limits) saidEnough(client netip.Addr, status int, now time.Time) bool {
	if status == http.StatusTooManyRequests && l.said.Take(limit.Client(client), now) > 0 {
		return true
	}
	return l.refused.Take(struct{}{}, now) > 0
}

// rateLimited is an error of who has done something too often.
type rateLimited struct {
	what string
	wait time.Duration // until it is allowed again
}

func (e rateLimited) Error() string { return e.what }
func (rateLimited) Unwrap() error   { return errRateLimited }

// exempt reports whether the client isn't counted.
func (h *handler) exempt(e *exchange) bool { return zone.Contains(h.Limits.Exempt, e.client) }

// countRegistration refuses a client that has registered too often.
func (h *handler) countRegistration(e *exchange) error {
	if h.exempt(e) {
		return nil
	}
	if wait := h.limits.registrations.Take(limit.Client(e.client), time.Now()); wait > 0 {
		return rateLimited{"too many registrations from there: limits.registrations, or limits.exempt for clients of yours", wait}
	}
	return nil
}

// countUpdate refuses an account that updates too often.
func (h *handler) countUpdate(e *exchange, username string) error {
	if h.exempt(e) {
		return nil
	}
	if wait := h.limits.updates.Take(username, time.Now()); wait > 0 {
		return rateLimited{"too many updates of the account: limits.updates", wait}
	}
	return nil
}

// bearWith reports whether a login may take its time, to be checked and to be refused. It
// goes by nothing but who is calling, so that the time gives away nothing else. Done is
// called when it is over.
func (h *handler) bearWith(e *exchange) (patient bool, done func()) {
	done = func() {}
	if h.exempt(e) || h.limits.failures.Wait(limit.Client(e.client), time.Now()) == 0 {
		return true, done
	}
	select {
	case h.limits.patience <- struct{}{}:
		return true, func() { <-h.limits.patience }
	default:
		return false, done
	}
}

// mayCheck refuses a slow check to a client that may not take its time, or has had one
// account's password checked too often.
func (h *handler) mayCheck(e *exchange, patient bool, username string) error {
	switch {
	case !patient:
		return refuse("not checked, for there are too many failed logins")
	case !h.exempt(e) && h.limits.checks.Wait(check{limit.Client(e.client), username}, time.Now()) > 0:
		return refuse("not checked, for there were too many wrong passwords of the account")
	}
	return nil
}

// countCheck counts a slow check of a wrong password.
func (h *handler) countCheck(e *exchange, username string) {
	if !h.exempt(e) {
		h.limits.checks.Take(check{limit.Client(e.client), username}, time.Now())
	}
}

// countFailure counts a refused login, and returns how it is refused.
func (h *handler) countFailure(e *exchange, refusal error) error {
	if h.exempt(e) {
		return refusal
	}
	if wait := h.limits.failures.Take(limit.Client(e.client), time.Now()); wait > 0 {
		return rateLimited{fmt.Sprintf("too many failed logins from there; now: %v", refusal), wait}
	}
	return refusal
}

// hold makes the refusal of a login that began then take its time, unless nobody can be
// answered any more. It keeps nobody out: those that are held all the time, by who sends
// one wrong password after the other, would otherwise have all the connections there may be.
func (h *handler) hold(e *exchange, began time.Time, patient bool) {
	giveWay(e.Request)
	least := limitedTime
	if patient {
		least = cmp.Or(h.Limits.RefusalTime, wrongTime)
	}
	timer := time.NewTimer(time.Until(began.Add(least)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-e.gone:
	case <-serverLife(e.Context()).Done():
	}
}
