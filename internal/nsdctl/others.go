package nsdctl

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// Others is the publisher of all other servers of the zone, which get it from NSD. It
// hands nothing over: it waits until they answer what NSD does. Its methods are called
// by one goroutine.
type Others struct {
	opts   Options
	asker  asker
	shared *handover
	known  map[string]*other
	beyond *zone.Serial // found at a server; snapshots up to it prove nothing

	mu      sync.Mutex
	skipped map[string]error // servers that are passed over, and why
}

// other is one of those servers.
type other struct {
	server    string
	processes *locator
}

// searchAgain is how often a server's processes are looked for where they weren't
// found; as a rule it is another machine.
const searchAgain = 10 * time.Second

func newOthers(opts Options, asker asker, shared *handover) *Others {
	return &Others{opts: opts, asker: asker, shared: shared, known: make(map[string]*other), skipped: make(map[string]error)}
}

// Follows names the publisher that the servers get the zone from.
func (o *Others) Follows() string { return nsdName }

// Name is what logs and health call it.
func (o *Others) Name() string { return "other name servers" }

// Publish returns nil when each of the servers answers the snapshot's serial or a later
// one; one that gives no answer at all may be passed over. NSD itself has confirmed by
// then, so one always has.
func (o *Others) Publish(ctx context.Context, snap *zone.Snapshot) error {
	if o.beyond != nil && !o.beyond.Less(snap.Serial()) {
		return fmt.Errorf("%w: another name server has serial %d", zone.ErrOvertaken, *o.beyond)
	}
	servers, begun, err := o.shared.wait(ctx, snap.Serial())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, leastPatience)
	defer cancel()
	err = o.each(servers, func(s *other) error {
		if o.isSkipped(s) {
			return nil
		}
		p := proof{
			asker: o.asker, server: s.server, want: snap.Serial(), newest: o.opts.Newest, census: s.processes.servers,
			begun: begun, silent: true, remind: o.shared.remind(ctx), patience: notifyAgain,
		}
		return o.judge(ctx, s, p.run(ctx))
	})
	var ahead aheadError
	if errors.Is(err, zone.ErrOvertaken) && errors.As(err, &ahead) {
		o.beyond = &ahead.serial
	}
	return err
}

// notifyAgain is when NSD is asked to tell a server again that there is something new: it
// gives up soon where a server can't be reached.
const notifyAgain = 2 * time.Second

// judge decides what the outcome of a proof means.
func (o *Others) judge(ctx context.Context, s *other, err error) error {
	var ahead aheadError
	switch {
	case errors.As(err, &ahead):
		return join(o.opts.ahead(ctx, ahead.server, ahead.serial, o.opts.Newest()), err)
	case errors.Is(err, errSilent) && o.opts.SkipSilent:
		o.skip(s, err)
		o.opts.Log.Error("a name server gives no answer and is passed over until it does: updates are answered without it", "server", s.server, "err", err)
		return nil
	}
	var behind behindError
	if errors.As(err, &behind) {
		return withTransferHint(err)
	}
	return err
}

// withTransferHint says what to look at where a server lags behind.
func withTransferHint(err error) error {
	return fmt.Errorf("%w: does its log say why it can't fetch the zone? NSD's notify and provide-xfr and its allow-notify and request-xfr must name each other", err)
}

// each does something for all servers at once and waits for all.
func (o *Others) each(servers []string, do func(*other) error) error {
	errs := make([]error, len(servers))
	var running sync.WaitGroup
	for i, s := range o.resolve(servers) {
		running.Go(func() { errs[i] = do(s) })
	}
	running.Wait()
	return join(errs...)
}

// resolve keeps what is known of servers that are still wanted.
func (o *Others) resolve(servers []string) []*other {
	for server := range o.known {
		if !slices.Contains(servers, server) {
			delete(o.known, server)
			o.skip(&other{server: server}, nil)
		}
	}
	all := make([]*other, len(servers))
	for i, server := range servers {
		if o.known[server] == nil {
			find := func() (family, bool) { return familyAt(server) }
			o.known[server] = &other{server: server, processes: &locator{find: find, again: searchAgain}}
		}
		all[i] = o.known[server]
	}
	return all
}

// Check reports a server that answers something else than NSD does, and finds out
// whether one that was passed over is back.
func (o *Others) Check(ctx context.Context, snap *zone.Snapshot) error {
	return o.each(o.shared.current(), func(s *other) error { return o.check(ctx, s, snap.Serial()) })
}

func (o *Others) check(ctx context.Context, s *other, want zone.Serial) error {
	got, err := o.asker.serial(ctx, s.server)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	silent := errors.Is(err, errSilent)
	if o.isSkipped(s) && !silent {
		o.skip(s, nil)
		o.opts.Log.Info("a name server that was passed over answers again", "server", s.server)
	}
	switch {
	case silent && o.opts.SkipSilent:
		if o.isSkipped(s) {
			return nil
		}
		return o.judge(ctx, s, err)
	case err != nil:
		return err
	case !got.Reached(want) || !o.opts.Newest().Reached(got):
		return fmt.Errorf("%s answers serial %d instead of %d", s.server, got, want)
	}
	return nil
}

// skip notes why a server is passed over; nil ends it.
func (o *Others) skip(s *other, why error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if why == nil {
		delete(o.skipped, s.server)
		return
	}
	o.skipped[s.server] = why
}

func (o *Others) isSkipped(s *other) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.skipped[s.server] != nil
}

// Degraded says which servers are passed over and why. It may be called by any number
// of goroutines.
func (o *Others) Degraded() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []string
	for _, why := range o.skipped {
		all = append(all, "passed over: "+why.Error())
	}
	slices.Sort(all)
	return all
}
