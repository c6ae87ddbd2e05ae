// Package publish takes changes from the requests that ask for them to the name
// servers that answer them, in two stages: one committer makes them durable in
// batches, then each publisher shows the newest durable state in its own time.
// What is slow to publish never holds up what only has to be stored.
package publish

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// Store is where changes become durable. The committer alone calls it.
type Store interface {
	// Commit makes changes durable in one transaction and returns what is durable
	// then, with an error or nil for each change. A change whose error is nil
	// survives a power cut. An error of zone.ErrNotStored leaves open whether the
	// change will be there after a restart; after zone.ErrForked no commit will
	// ever succeed again.
	Commit(changes []zone.Change) (*zone.Snapshot, []error)
	// Snapshot returns what is durable, before the first commit.
	Snapshot() *zone.Snapshot
}

// Publisher shows the zone to the world: the embedded server, NSD.
type Publisher interface {
	// Name is what logs and health call it.
	Name() string
	// Publish returns nil only when the snapshot's serial, or a later one, is
	// being answered by every server that the publisher stands for. It is
	// idempotent, is called by one goroutine, again after an error, and ends soon
	// after ctx does. Serials may be skipped.
	Publish(ctx context.Context, snap *zone.Snapshot) error
}

// Checker is a publisher that can say whether what it published last is still being
// answered: others may interfere with a name server that isn't part of this process.
type Checker interface {
	// Check returns nil, or what is wrong; then the snapshot is published again. It is
	// called by the goroutine that calls Publish, every few seconds while there is
	// nothing to publish.
	Check(ctx context.Context, snap *zone.Snapshot) error
}

// Follower is a publisher that has nothing to do before another one has succeeded: it is
// given what that one has published, and nothing else.
type Follower interface {
	// Follows returns the name of the other one.
	Follows() string
}

// Degraded is a publisher that may do without a part of what it stands for.
type Degraded interface {
	// Degraded says what it does without, and why; any goroutine may ask.
	Degraded() []string
}

// Options of a pipeline.
type Options struct {
	Store      Store
	Publishers []Publisher
	Timeout    time.Duration    // publish.timeout: after it, what is unserved is a fault
	Lifetime   time.Duration    // of a value; 0 keeps values for ever
	Now        func() time.Time // nil: time.Now
	Log        *slog.Logger     // nil: slog.Default()
	Observer   Observer         // nil: nobody
}

// Bounds are those of the options that may change while the pipeline runs.
type Bounds struct{ Timeout, Lifetime time.Duration }

// Pipeline is the way of a change. Its methods may be called by any number of
// goroutines; nothing happens before Run.
type Pipeline struct {
	opts    Options
	bounds  atomic.Pointer[Bounds]
	rebound chan struct{} // holds one token when the bounds have changed
	queue   *queue
	runners []*runner
	probing chan struct{} // holds one token: who has it may probe the store
	ready   chan struct{} // closed when every publisher has succeeded once

	batches atomic.Uint64 // that the committer has come to the end of

	mu        sync.Mutex
	committed *zone.Snapshot
	waiting   map[*request]struct{} // committed, not yet published
	store     storeState
}

// New returns a pipeline that stands still until Run.
func New(opts Options) *Pipeline {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	if opts.Observer == nil {
		opts.Observer = nobody{}
	}
	p := &Pipeline{
		opts:      opts,
		rebound:   make(chan struct{}, 1),
		queue:     newQueue(),
		probing:   make(chan struct{}, 1),
		ready:     make(chan struct{}),
		committed: opts.Store.Snapshot(),
		waiting:   make(map[*request]struct{}),
	}
	p.bounds.Store(&Bounds{opts.Timeout, opts.Lifetime})
	for _, publisher := range opts.Publishers {
		p.runners = append(p.runners, newRunner(p, publisher))
	}
	p.chain()
	return p
}

// chain lets each follower's runner have its snapshots from the one that it follows.
func (p *Pipeline) chain() {
	for _, r := range p.runners {
		f, ok := r.publisher.(Follower)
		if !ok {
			continue
		}
		for _, first := range p.runners {
			if first.publisher.Name() == f.Follows() {
				first.followers = append(first.followers, r)
				r.follows = true
			}
		}
	}
}

// Run begins to publish what is durable already, which is all there is to
// recovering from a crash, and then takes changes until ctx is done. Those that
// were handed over by then are still committed. It returns nil, or the error after
// which no commit can succeed, when all its goroutines have ended.
func (p *Pipeline) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var running sync.WaitGroup
	for _, r := range p.runners {
		if !r.follows {
			r.offer(p.committed)
		}
		running.Go(func() { r.run(ctx) })
	}
	running.Go(func() { p.keep(ctx) })
	var fatal error
	running.Go(func() {
		fatal = p.commitLoop(ctx)
		stop()
	})
	running.Wait()
	p.answerRest(ctx)
	return fatal
}

// Ready is closed when everything that was stored at the start has been published.
func (p *Pipeline) Ready() <-chan struct{} { return p.ready }

// Rebound has other bounds count from now on.
func (p *Pipeline) Rebound(bounds Bounds) {
	p.bounds.Store(&bounds)
	select {
	case p.rebound <- struct{}{}:
	default:
	}
}

func (p *Pipeline) timeout() time.Duration  { return p.bounds.Load().Timeout }
func (p *Pipeline) lifetime() time.Duration { return p.bounds.Load().Lifetime }

// Snapshot returns what is durable.
func (p *Pipeline) Snapshot() *zone.Snapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.committed
}

// Commit hands a change over and waits until it is durable. The deadline of ctx
// bounds the wait, not the change. Errors: those of the store, zone.ErrBusy, and
// zone.ErrNotStored when the wait is over first.
func (p *Pipeline) Commit(ctx context.Context, change zone.Change) error {
	return p.ask(ctx, &request{change: change})
}

// CommitThen is Commit for a change of how the zone is shown: once it is durable, and
// before any publisher is given what it led to, then is called with that, by the committer.
// It isn't called any more when CommitThen has returned an error.
func (p *Pipeline) CommitThen(ctx context.Context, change zone.Change, then func(durable *zone.Snapshot)) error {
	step := &step{do: then}
	err := p.ask(ctx, &request{change: change, then: step})
	if err != nil && !step.withdraw() {
		return nil // it was done just then
	}
	return err
}

// Publish hands a change over and waits until it is durable and every publisher
// answers it. Errors are those of Commit, and zone.ErrNotPublished as soon as it
// is certain that the deadline of ctx can't be met: then the change is durable and
// will be published without another request.
func (p *Pipeline) Publish(ctx context.Context, change zone.Change) error {
	return p.ask(ctx, &request{change: change, publish: true})
}

func (p *Pipeline) ask(ctx context.Context, r *request) error {
	r.done = make(chan error, 1)
	r.deadline, _ = ctx.Deadline()
	if err := p.queue.put(r); err != nil {
		return err
	}
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		return p.abandon(r)
	}
}
