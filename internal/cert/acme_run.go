package cert

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"github.com/acmezone/acmezone/internal/zone"
)

const (
	// tryTime bounds one try: CAs may take minutes to validate, and to sign.
	tryTime = 15 * time.Minute
	// askTime bounds the question when a renewal is wanted.
	askTime = time.Minute
	// longestSleep is how long the clock isn't looked at: it may be put right.
	longestSleep = time.Hour
)

// Run gets the certificate, and renews it in time, until ctx is done. It begins when
// the name servers answer the zone, and never gives up.
func (m *Managed) Run(ctx context.Context) error {
	select {
	case <-m.Ready:
	case <-ctx.Done():
		return nil
	}
	if m.Challenge.CNAME != "" {
		m.Log.Info("the API's host lies outside the zone; its certificate needs this record in the host's own zone", "record", m.Challenge.CNAME)
	}
	ca := m.ca()
	defer ca.close()
	defer m.keepAtLast()
	for {
		m.step(ctx, ca)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(m.sleep()):
		}
	}
}

// sleep is how long there is nothing to do.
func (m *Managed) sleep() time.Duration {
	next := m.plan.next()
	if at := m.plan.askAt; !at.IsZero() && at.Before(next) {
		next = at
	}
	if m.unkept != nil && m.keepAt.Before(next) {
		next = m.keepAt
	}
	return min(time.Until(next), longestSleep)
}

// step does what is due.
func (m *Managed) step(ctx context.Context, ca authority) {
	if m.unkept != nil && !time.Now().Before(m.keepAt) {
		m.keep(m.unkept)
	}
	m.plan.turnedBack(time.Now())
	if at := m.plan.askAt; !at.IsZero() && !time.Now().Before(at) {
		m.ask(ctx, ca)
	}
	if !time.Now().Before(m.plan.next()) {
		m.try(ctx, ca)
	}
	m.note(func(s *zone.CertificateStatus) { s.NextTry, s.Failures = m.plan.next(), m.plan.failures })
}

// ask learns when the CA wants the certificate renewed. No answer is no trouble: a
// third of its life is time enough.
func (m *Managed) ask(ctx context.Context, ca authority) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	info, err := ca.renewalInfo(ctx, m.plan.leaf)
	before := m.plan.renewAt
	m.plan.asked(info, err)
	switch {
	case errors.Is(err, acme.ErrUnsupported):
		m.plan.askAt = time.Time{}
	case err != nil:
		m.Log.Debug("the CA doesn't say when it wants the certificate renewed", "host", m.Host, "err", err)
	case !m.plan.renewAt.Equal(before):
		args := []any{"host", m.Host, "renewal", m.plan.renewAt.UTC()}
		if info.ExplanationURL != "" { // there is one when something is wrong
			args = append(args, "explanation", info.ExplanationURL)
		}
		m.Log.Info("the CA says when it wants the certificate renewed", args...)
	}
}

// try orders a certificate and shows it.
func (m *Managed) try(ctx context.Context, ca authority) {
	m.note(func(s *zone.CertificateStatus) { s.Renewing, s.LastTry = true, time.Now().Round(0) })
	within, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	got, retryAfter, err := ca.order(within)
	if err != nil && within.Err() != nil && ctx.Err() == nil && !errors.As(err, new(acme.Problem)) {
		err = errSlow
	}
	if err == nil {
		err = m.takeUp(got)
	}
	if err == nil {
		m.note(func(s *zone.CertificateStatus) { s.Renewing, s.LastError = false, "" })
		return
	}
	reason := m.why(err)
	if ctx.Err() == nil {
		m.plan.failed(unreached(err), retryAfter)
		m.complain(reason)
	}
	m.note(func(s *zone.CertificateStatus) { s.Renewing, s.LastError = false, reason })
}

// errShort would have the CA asked for one certificate after the other.
var errShort = errors.New("the certificate that came is due for renewal already: is the clock of this machine right?")

// takeUp keeps what the CA has given, and shows it. What is no certificate for the host
// takes nobody's place.
func (m *Managed) takeUp(got issued) error {
	pair, err := got.pair(m.Host)
	if err != nil {
		return fmt.Errorf("the certificate that came can't be used: %w", err)
	}
	m.keep(got)
	failures := m.plan.failures
	m.use(pair, askEvery)
	if !m.plan.renewAt.After(time.Now()) {
		m.plan.failures = failures
		return errShort
	}
	return nil
}

// keepAtLast is the last chance before a process ends.
func (m *Managed) keepAtLast() {
	if m.unkept != nil {
		m.keep(m.unkept)
	}
}

func (m *Managed) complain(reason string) {
	status := m.Status()
	args := []any{"host", m.Host, "err", reason, "failures", m.plan.failures, "next_try", m.plan.next().UTC()}
	if status.SelfSigned {
		m.Log.Error("no certificate for the API yet: clients are shown a self-signed one", args...)
		return
	}
	if status.OtherCA {
		m.Log.Error("no certificate of this CA for the API yet: clients are shown that of another one", append(args, "ca", m.Directory, "expires", status.NotAfter.UTC())...)
		return
	}
	if status.Expired(time.Now()) {
		m.Log.Error("the API's certificate has expired and couldn't be renewed: clients refuse it", append(args, "expired", status.NotAfter.UTC())...)
		return
	}
	m.Log.Error("the API's certificate couldn't be renewed", append(args, "expires", status.NotAfter.UTC())...)
}
