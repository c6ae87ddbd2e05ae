package check

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"
)

// atOnce is how many checks run side by side, so that a thousand domains don't look
// like an attack to the resolver.
const atOnce = 32

// checker is one run of the checks. Its methods may be called by any number of
// goroutines.
type checker struct {
	Options
	asker    asker
	resolver *resolver
	serial   func() reference // the zone's serial, asked for once
}

// step is a check that runs by itself.
type step struct {
	name, subject string
	run           func(ctx context.Context) []Finding
}

// Run checks the zone and, besides those that accounts are bound to, the domains; only
// the domains if there are some. It returns within the deadline, in an order that
// doesn't depend on who answers first.
func Run(ctx context.Context, o Options, domains []Domain) []Finding {
	if o.Deadline == 0 {
		o.Deadline = DefaultDeadline
	}
	ctx, cancel := context.WithTimeout(ctx, o.Deadline)
	defer cancel()
	c := newChecker(ctx, o)
	if len(domains) > 0 {
		return c.all(ctx, append(c.resolverSteps(), c.domainSteps(domains)...))
	}
	steps := slices.Concat(c.resolverSteps(), c.zoneSteps(), c.serviceSteps())
	bound, findings := c.boundDomains(ctx)
	return append(c.all(ctx, append(steps, c.domainSteps(bound)...)), findings...)
}

func newChecker(ctx context.Context, o Options) *checker {
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	c := &checker{Options: o, asker: asker{o.Dial}}
	c.resolver = newResolver(c.asker, o.Resolver)
	c.serial = sync.OnceValue(func() reference { return c.readSerial(ctx) })
	return c
}

// all runs the steps and waits for their ends. What is found twice, since two domains
// lie in one zone, is said once.
func (c *checker) all(ctx context.Context, steps []step) []Finding {
	results := make([][]Finding, len(steps))
	slots := make(chan struct{}, atOnce)
	var running sync.WaitGroup
	for i, s := range steps {
		running.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			results[i] = c.one(ctx, s)
		})
	}
	running.Wait()
	seen := make(map[Finding]bool)
	return slices.DeleteFunc(slices.Concat(results...), func(f Finding) bool {
		again := seen[f]
		seen[f] = true
		return again
	})
}

// one gives nothing for certain that was cut short by the deadline: a server that
// wasn't asked looks like one that gives no answer.
func (c *checker) one(ctx context.Context, s step) []Finding {
	var found []Finding
	if !isOver(ctx) {
		found = s.run(ctx)
	}
	if !isOver(ctx) {
		return found
	}
	return []Finding{{Check: s.name, Subject: s.subject, Status: Skipped,
		Message: "not finished within " + short(c.Deadline), Fix: "give it more time: acmezone check --timeout 2m"}}
}

// isOver reports whether the deadline has passed, or almost: that of a connection may
// have passed before that of its context is noticed.
func isOver(ctx context.Context) bool {
	deadline, _ := ctx.Deadline()
	return ctx.Err() != nil || time.Until(deadline) < 50*time.Millisecond
}

// parallel does something for each item at once, and keeps their order.
func parallel[T, R any](items []T, do func(T) R) []R {
	results := make([]R, len(items))
	var running sync.WaitGroup
	for i, item := range items {
		running.Go(func() { results[i] = do(item) })
	}
	running.Wait()
	return results
}
