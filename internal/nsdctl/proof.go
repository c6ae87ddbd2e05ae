package nsdctl

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zone"
)

// How a proof goes on. On a reload NSD starts its new processes before the old ones
// end, and for a moment either may take the next packet, so one answer with the new
// serial proves nothing. Where the processes can be seen, the proof is an answer at a
// time at which there was one generation of them, the same before and after. Elsewhere
// it is a row of answers, each on a fresh connection, for as long again as the change
// took to appear: a machine that is slow to end the old processes is as slow to answer
// and was slow to start the new.
const (
	pollFirst = time.Millisecond       // between questions, at first
	pollLast  = 250 * time.Millisecond // and where it takes long
	// watchTime is between questions while the processes themselves are watched.
	watchTime = 20 * time.Millisecond
	// shortRow and longRow are answers in a row where they can't be seen.
	shortRow, longRow = 32, 512
	// lingerRow is where an old process doesn't end: one that serves a slow transfer
	// takes no new queries and yet stays.
	lingerRow = 512
	// convinced is how often in a row a server has to say SERVFAIL before that is
	// believed. That nobody is there is believed after as long as an answer may take: a
	// server that is started again is back by then.
	convinced = 3
)

// proof is the waiting for one server to answer a serial with all its processes. One
// goroutine has it.
type proof struct {
	asker  asker
	server string
	want   zone.Serial
	newest func() zone.Serial // the newest that was ever made here
	census func() generation  // who answers now; nil where that can't be seen
	begun  time.Time          // when the change was handed over
	remind func() error       // hands it over again, nil where that isn't possible

	early  bool // asked before the change can be there
	served bool // it answered data before, so that SERVFAIL is a fault
	silent bool // end as soon as it gives no answer at all

	appeared time.Time // when the first answer of the row came
	row      int       // answers in a row that have the serial
	failures int       // SERVFAIL, or no answer at all, in a row
	failing  time.Time // since when
	last     error     // what was seen last, if not that

	unheard  error         // of the last reminder: the answer may come all the same
	reminded time.Time     // when it was handed over last
	patience time.Duration // until the next time
}

// aheadError is a server with a serial that was never made here.
type aheadError struct {
	server string
	serial zone.Serial
}

func (e aheadError) Error() string {
	return fmt.Sprintf("%s answers serial %d, which acmezone never made", e.server, e.serial)
}

// behindError is a server with old data.
type behindError struct {
	server string
	serial zone.Serial
}

func (e behindError) Error() string {
	return fmt.Sprintf("%s still answers serial %d", e.server, e.serial)
}

// run returns nil when the serial, or a later one, is all that the server answers; an
// aheadError, at once where that serial can be followed; an rcodeError where a server that had the zone lost it; errSilent if
// that ends it; or at the end of ctx what was seen last.
func (p *proof) run(ctx context.Context) error {
	if p.early {
		p.census().anyEnds(watchTime)
	}
	for {
		servers := p.census()
		serial, err := p.asker.serial(ctx, p.server)
		if ctx.Err() != nil {
			return p.tooLate(ctx)
		}
		if err := p.note(serial, err); err != nil {
			return err
		}
		if p.row > 0 && p.holds(servers) {
			return nil
		}
		p.insist()
		p.wait(ctx, servers)
	}
}

// note takes in an answer and returns an error that ends the proof.
func (p *proof) note(serial zone.Serial, err error) error {
	newest := p.newest()
	switch {
	case err != nil:
		p.row, p.last = 0, err
		return p.fatal(err)
	case !newest.Reached(serial):
		p.row, p.failures, p.last = 0, 0, aheadError{p.server, serial}
		if serial.Plausible(newest, time.Now()) {
			return p.last
		}
		return nil // it may be from before the change
	case !serial.Reached(p.want):
		p.row, p.failures, p.last = 0, 0, behindError{p.server, serial}
		return nil
	}
	if p.row == 0 {
		p.appeared = time.Now()
	}
	p.row++
	p.failures = 0
	return nil
}

// fatal returns the error if it has come often enough, and nothing else can come of
// going on.
func (p *proof) fatal(err error) error {
	var answer rcodeError
	lost := errors.As(err, &answer) && answer.rcode == dns.RcodeServerFailure && p.served
	gone := errors.Is(err, errSilent) && p.silent
	if !lost && !gone {
		p.failures = 0
		return nil
	}
	if p.failures++; p.failures == 1 {
		p.failing = time.Now()
	}
	if lost && p.failures >= convinced || errors.Is(err, errTimeout) || gone && time.Since(p.failing) >= askTime {
		return err
	}
	return nil
}

// holds reports whether the row of answers is proof. The servers are those from
// before the last question.
func (p *proof) holds(servers generation) bool {
	if servers != nil {
		return servers.single() && slices.Equal(servers, p.census()) || p.row >= lingerRow
	}
	passed, took := time.Since(p.appeared), p.appeared.Sub(p.begun)
	return p.row >= shortRow && passed >= took || p.row >= longRow
}

// insist hands the change over again where it takes much longer than it should: a
// reload that was accepted is lost where NSD's reloading process fails. NSD passes over
// a file that it has read, so to ask too often costs little.
func (p *proof) insist() {
	if p.remind == nil || p.row > 0 {
		return
	}
	if p.reminded.IsZero() {
		p.reminded = p.begun
	}
	if time.Since(p.reminded) < p.patience {
		return
	}
	p.reminded, p.patience = time.Now(), 2*p.patience
	p.unheard = p.remind()
}

// wait passes the time until the next question.
func (p *proof) wait(ctx context.Context, servers generation) {
	switch {
	case servers != nil && p.row > 0:
		servers.anyEnds(pollFirst)
	case servers != nil:
		servers.anyEnds(watchTime)
	case p.row == 0:
		pause(ctx, min(max(time.Since(p.begun)/32, pollFirst), pollLast))
	}
}

func (p *proof) tooLate(ctx context.Context) error {
	if p.row > 0 {
		return fmt.Errorf("%s answers the new serial, %d times in a row, but it is not certain that its old processes have ended: %v", p.server, p.row, p.census())
	}
	if p.last == nil {
		return fmt.Errorf("%s: %w", p.server, ctx.Err())
	}
	if p.unheard != nil {
		return join(p.last, p.unheard)
	}
	return fmt.Errorf("%w, %v after the change was handed over", p.last, time.Since(p.begun).Round(time.Millisecond))
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
