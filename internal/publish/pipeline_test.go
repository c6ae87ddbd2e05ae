package publish_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/acmezone/acmezone/internal/publish"
	"github.com/acmezone/acmezone/internal/store"
	"github.com/acmezone/acmezone/internal/zone"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const timeout = 10 * time.Second

// watchedStore is the real store, with a gate before each commit and an account of
// what is durable.
type watchedStore struct {
	*store.Store
	gate chan struct{} // if set, each commit takes one from it

	mu      sync.Mutex
	batches []int
	durable zone.Serial
	fail    error // if set, commits fail with it
}

func (s *watchedStore) Commit(changes []zone.Change) (*zone.Snapshot, []error) {
	if s.gate != nil {
		<-s.gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batches = append(s.batches, len(changes))
	if s.fail != nil {
		errs := make([]error, len(changes))
		for i := range errs {
			errs[i] = s.fail
		}
		return s.Snapshot(), errs
	}
	snap, errs := s.Store.Commit(changes)
	s.durable = snap.Serial()
	return snap, errs
}

func (s *watchedStore) setFail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

func (s *watchedStore) isDurable(serial zone.Serial) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.durable.Reached(serial)
}

// server stands for a name server: it fails or hangs as it is told.
type server struct {
	name string

	mu    sync.Mutex
	seen  *zone.Snapshot
	fail  error
	hang  chan struct{} // if set, Publish waits until it is closed
	tries int

	follows string // the name of the publisher before it
	lost    error  // what a check says
}

func (s *server) Follows() string { return s.follows }

func (s *server) Check(context.Context, *zone.Snapshot) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// lose has others interfere with the server; nil ends it.
func (s *server) lose(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost, s.fail = err, err
}

func (s *server) Name() string { return s.name }

func (s *server) Publish(ctx context.Context, snap *zone.Snapshot) error {
	s.mu.Lock()
	hang, fail := s.hang, s.fail
	s.tries++
	s.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if fail != nil {
		return fail
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = snap
	return nil
}

func (s *server) set(fail error, hang chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail, s.hang = fail, hang
}

func (s *server) serves(owner, text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		return false
	}
	set, _ := s.seen.Lookup(owner)
	for _, have := range texts(set) {
		if have == text {
			return true
		}
	}
	return false
}

func texts(set *zone.RRset) []string {
	if set == nil {
		return nil
	}
	return set.Texts()
}

// bed is a running pipeline on a real database.
type bed struct {
	t *testing.T
	*publish.Pipeline
	store *watchedStore
	stop  func() error
}

func start(t *testing.T, gated bool, lifetime time.Duration, servers ...*server) *bed {
	t.Helper()
	return startWith(t, gated, publish.Options{Lifetime: lifetime}, servers...)
}

func startObserved(t *testing.T, observer publish.Observer, servers ...*server) *bed {
	t.Helper()
	return startWith(t, false, publish.Options{Observer: observer}, servers...)
}

func startWith(t *testing.T, gated bool, opts publish.Options, servers ...*server) *bed {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	db, err := store.Open(t.Context(), store.Options{
		Path: filepath.Join(t.TempDir(), "acmezone.db"), Zone: "auth.test.", Policy: zone.SerialIncrement, MaxValues: 6, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	watched := &watchedStore{Store: db, durable: db.Snapshot().Serial()}
	if gated {
		watched.gate = make(chan struct{})
	}
	opts.Store, opts.Timeout, opts.Log = watched, timeout, log
	for _, s := range servers {
		opts.Publishers = append(opts.Publishers, s)
	}
	b := &bed{t: t, Pipeline: publish.New(opts), store: watched}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	b.stop = sync.OnceValue(func() error {
		cancel()
		return errors.Join(<-ended, db.Close())
	})
	t.Cleanup(func() { b.stop() })
	return b
}

func (b *bed) register(names ...string) {
	b.t.Helper()
	for _, name := range names {
		if err := b.within(timeout, false, zone.Register{Account: account(name)}); err != nil {
			b.t.Fatal(err)
		}
	}
}

// within asks with a deadline, and waits for the publishers if publish is true.
func (b *bed) within(d time.Duration, publish bool, change zone.Change) error {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	if publish {
		return b.Publish(ctx, change)
	}
	return b.Commit(ctx, change)
}

func account(name string) zone.Account {
	return zone.Account{Username: "user-" + name, Subdomain: name}
}

func set(name, text string) zone.SetValue {
	return zone.SetValue{Account: "user-" + name, Owner: name, Text: text}
}

func TestUpdateWaitsForEveryPublisher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quick, slow := &server{name: "quick"}, &server{name: "slow"}
		b := start(t, false, 0, quick, slow)
		hang := make(chan struct{})
		synctest.Wait()
		slow.set(nil, hang)
		b.register("a") // a registration waits for nobody

		done := make(chan error, 1)
		go func() { done <- b.within(timeout, true, set("a", "1")) }()
		synctest.Wait()
		if !quick.serves("a", "1") {
			t.Error("the slow publisher holds up the quick one")
		}
		select {
		case err := <-done:
			t.Fatal("answered before the slow publisher had it:", err)
		default:
		}
		slow.set(nil, nil)
		close(hang)
		if err := <-done; err != nil || !slow.serves("a", "1") {
			t.Errorf("%v, served %v", err, slow.serves("a", "1"))
		}
	})
}

func TestBatchesFormWhileTheOneBeforeIsAtWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, true, 0, &server{name: "dns"})
		const n = 50
		var asking sync.WaitGroup
		for i := range n {
			asking.Go(func() {
				if err := b.within(timeout, false, zone.Register{Account: account(fmt.Sprint(i))}); err != nil {
					t.Error(err)
				}
			})
			if i == 0 {
				synctest.Wait() // the first is at the gate, the others gather
			}
		}
		synctest.Wait()
		close(b.store.gate)
		asking.Wait()
		if got := b.store.batches; len(got) != 2 || got[0] != 1 || got[1] != n-1 {
			t.Errorf("batches of %v", got)
		}
	})
}

// TestNothingIsPublishedBeforeItIsDurable watches every state that a publisher is
// given under concurrent updates.
func TestNothingIsPublishedBeforeItIsDurable(t *testing.T) {
	s := &server{name: "dns"}
	b := start(t, false, 0, s)
	b.register("a", "b", "c")
	var asking sync.WaitGroup
	for _, name := range []string{"a", "b", "c"} {
		asking.Go(func() {
			for i := range 40 {
				text := fmt.Sprint(i)
				if err := b.within(time.Minute, true, set(name, text)); err != nil { // real time, and a real disk
					t.Error(err)
				}
				s.mu.Lock()
				serial := s.seen.Serial()
				s.mu.Unlock()
				if !s.serves(name, text) || !b.store.isDurable(serial) {
					t.Errorf("%s=%s: served %v, serial %d durable %v", name, text, s.serves(name, text), serial, b.store.isDurable(serial))
				}
			}
		})
	}
	asking.Wait()
}

func TestFailureToPublishIsSaidAsSoonAsItIsCertain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{name: "nsd", fail: errors.New("connection refused")}
		b := start(t, false, 0, s)
		b.register("a")
		time.Sleep(30 * time.Second) // virtual: the retries are at their longest now
		began := time.Now()
		err := b.within(2*time.Second, true, set("a", "1"))
		if !errors.Is(err, zone.ErrNotPublished) || time.Since(began) > 2*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if err := b.Health(t.Context()); err == nil {
			t.Error("healthy though nothing has ever been published")
		}
		s.set(nil, nil)
		time.Sleep(10 * time.Second)
		if !s.serves("a", "1") {
			t.Error("not served 10 s after the cause was gone, without another request")
		}
		if err := b.Health(t.Context()); err != nil {
			t.Error(err)
		}
		if err := b.within(time.Second, true, set("a", "1")); err != nil {
			t.Error("the same request again:", err)
		}
	})
}

func TestRepeatedValueWaitsForNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{name: "nsd"}
		b := start(t, false, 0, s)
		b.register("a", "b")
		if err := b.within(timeout, true, set("a", "1")); err != nil {
			t.Fatal(err)
		}
		s.set(errors.New("down"), nil)
		if err := b.within(timeout, true, set("b", "1")); !errors.Is(err, zone.ErrNotPublished) {
			t.Error(err)
		}
		if err := b.within(timeout, true, set("a", "1")); err != nil {
			t.Error("a value that is being served:", err)
		}
		if err := b.within(timeout, true, set("b", "1")); !errors.Is(err, zone.ErrNotPublished) {
			t.Error("a repeat of what is not served yet:", err)
		}
	})
}

func TestHealthDoesNotFlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{name: "nsd"}
		b := start(t, false, 0, s)
		b.register("a")
		hang := make(chan struct{})
		s.set(nil, hang)
		go b.within(time.Minute, true, set("a", "1"))
		for range 9 {
			time.Sleep(time.Second)
			if err := b.Health(t.Context()); err != nil {
				t.Error("an update on its way:", err)
			}
		}
		time.Sleep(2 * time.Second)
		if err := b.Health(t.Context()); err == nil {
			t.Error("healthy with an update unserved for longer than the timeout")
		}
		s.set(nil, nil)
		close(hang)
		synctest.Wait()
		if err := b.Health(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestStoreThatFailsIsSaidAndHealsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, false, 0, &server{name: "dns"})
		b.register("a")
		b.store.setFail(fmt.Errorf("%w: disk full", zone.ErrNotStored))
		if err := b.within(timeout, true, set("a", "1")); !errors.Is(err, zone.ErrNotStored) {
			t.Error(err)
		}
		if err := b.Health(t.Context()); !errors.Is(err, zone.ErrNotStored) {
			t.Error(err)
		}
		b.store.setFail(nil)
		time.Sleep(2 * time.Second)
		if err := b.Health(t.Context()); err != nil {
			t.Error("two seconds later, without a request:", err)
		}
	})
}

func TestHealthFindsAStoreThatNobodyHasWrittenTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, false, 0, &server{name: "dns"})
		synctest.Wait()
		time.Sleep(time.Hour)
		b.store.setFail(fmt.Errorf("%w: disk full", zone.ErrNotStored))
		if err := b.Health(t.Context()); !errors.Is(err, zone.ErrNotStored) {
			t.Error(err)
		}
	})
}

func TestHangingStoreIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, true, 0, &server{name: "dns"})
		if err := b.within(time.Second, false, zone.Heartbeat{}); !errors.Is(err, zone.ErrNotStored) {
			t.Error(err)
		}
		began := time.Now()
		if err := b.Health(t.Context()); err == nil || time.Since(began) > 4*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		close(b.store.gate)
	})
}

func TestForkEndsThePipeline(t *testing.T) {
	b := start(t, false, 0, &server{name: "dns"})
	b.store.setFail(zone.ErrForked)
	if err := b.within(timeout, false, zone.Heartbeat{}); !errors.Is(err, zone.ErrForked) {
		t.Error(err)
	}
	if err := b.stop(); !errors.Is(err, zone.ErrForked) {
		t.Errorf("Run returned %v", err)
	}
	if err := b.within(timeout, false, zone.Heartbeat{}); !errors.Is(err, zone.ErrNotStored) {
		t.Errorf("a pipeline that has ended takes changes: %v", err)
	}
}

func TestStopCommitsWhatWasHandedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{name: "dns"}
		b := start(t, true, 0, s)
		results := make(chan error, 20)
		for i := range cap(results) {
			go func() { results <- b.within(timeout, false, zone.Register{Account: account(fmt.Sprint(i))}) }()
		}
		synctest.Wait()
		stopped := make(chan error, 1)
		go func() { stopped <- b.stop() }()
		synctest.Wait()
		close(b.store.gate)
		for range cap(results) {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
}

func TestValuesExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{name: "dns"}
		b := start(t, false, time.Hour, s)
		b.register("a")
		if err := b.within(timeout, true, set("a", "1")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(59 * time.Minute)
		if !s.serves("a", "1") {
			t.Error("dropped too early")
		}
		time.Sleep(3 * time.Minute)
		if s.serves("a", "1") {
			t.Error("still served after its lifetime")
		}
	})
}

func TestRaisedSerialIsPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{name: "nsd"}
		b := start(t, false, 0, s)
		for _, ask := range []func(context.Context, zone.Change) error{b.Commit, b.Publish} {
			above := b.Snapshot().Serial() + 1000
			if err := ask(t.Context(), zone.RaiseSerial{Above: above}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if got := s.seen.Serial(); got != above+1 {
				t.Errorf("serial %d is published, want %d", got, above+1)
			}
		}
	})
}

func TestStartPublishesWhatIsStored(t *testing.T) {
	dir := t.TempDir()
	open := func() *store.Store {
		db, err := store.Open(t.Context(), store.Options{Path: filepath.Join(dir, "db"), Zone: "auth.test.", Policy: zone.SerialIncrement, MaxValues: 6})
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	db := open()
	db.Commit([]zone.Change{zone.Register{Account: account("a")}, set("a", "1")})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		db, s := open(), &server{name: "dns"}
		p := publish.New(publish.Options{Store: db, Publishers: []publish.Publisher{s}, Timeout: timeout})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.Run(ctx) }()
		synctest.Wait()
		if !s.serves("a", "1") {
			t.Error("what is stored is not published at start")
		}
		cancel()
		if err := errors.Join(<-ended, db.Close()); err != nil {
			t.Error(err)
		}
	})
}

// TestRepeatedValueIsNotServedWhereAllIsLost: what was served once may not be any more.
func TestRepeatedValueIsNotServedWhereAllIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nsd := &server{name: "nsd"}
		b := start(t, false, 0, nsd)
		b.register("a")
		if err := b.within(timeout, true, set("a", "1")); err != nil {
			t.Fatal(err)
		}
		nsd.lose(errors.New("it is gone"))
		time.Sleep(11 * time.Second) // virtual: two checks
		if err := b.within(timeout, true, set("a", "1")); !errors.Is(err, zone.ErrNotPublished) {
			t.Errorf("a repeated value: %v", err)
		}
		if b.Health(t.Context()) == nil {
			t.Error("healthy")
		}
		nsd.lose(nil)
		time.Sleep(11 * time.Second)
		if err := b.within(timeout, true, set("a", "1")); err != nil {
			t.Error(err)
		}
	})
}

// TestFollower: it is given what the one before it has published, and its health is
// seen also where more was committed than it was given.
func TestFollower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nsd, others := &server{name: "nsd"}, &server{name: "others", follows: "nsd"}
		b := start(t, false, 0, nsd, others)
		b.register("a", "b")
		synctest.Wait()
		hang := make(chan struct{})
		nsd.set(nil, hang)
		asked := make(chan error, 2)
		go func() { asked <- b.within(timeout, true, set("a", "1")) }()
		synctest.Wait()
		go func() { asked <- b.within(timeout, true, set("b", "1")) }()
		synctest.Wait()
		if others.serves("a", "1") {
			t.Error("it has what the one before it hasn't published")
		}
		nsd.set(nil, nil)
		close(hang)
		for range 2 {
			if err := <-asked; err != nil {
				t.Error(err)
			}
		}
		others.set(errors.New("it has old data"), nil)
		if err := b.within(timeout, true, set("b", "2")); !errors.Is(err, zone.ErrNotPublished) {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if b.Health(t.Context()) == nil {
			t.Error("healthy, though a server has had old data for a minute")
		}
	})
}
