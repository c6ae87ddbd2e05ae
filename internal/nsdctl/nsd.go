// Package nsdctl hands the zone to an NSD that runs already: it finds out from NSD's
// own configuration where everything is, replaces the zone file, has it loaded, and
// proves that it is being answered, by NSD and by every other server of the zone.
//
// NSD's own words prove little (it answers "ok" to a reload of a file that isn't
// there), so what counts is what its listener answers.
package nsdctl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// Options say which NSD the zone is handed to.
type Options struct {
	Definition     *zone.Definition
	Config         string   // its nsd.conf
	ZoneFile       string   // empty: what nsd.conf says for the zone
	Control        string   // unix socket's path or host:port; empty: from nsd.conf
	ControlCommand []string // instead: a command line
	Confirm        []string // who else must answer; nil: whom NSD notifies
	SkipSilent     bool     // a server that gives no answer at all is passed over

	// Current returns the definition as it is now; nil: it stays as it is.
	Current func() *zone.Definition
	// Write renders the zone.
	Write func(w io.Writer, snap *zone.Snapshot) error
	// Newest returns the serial of what was committed last.
	Newest func() zone.Serial
	// Raise moves the zone's serial beyond one that was found elsewhere.
	Raise func(ctx context.Context, above zone.Serial) error
	Log   *slog.Logger

	told *told
}

// NSD is the publisher that hands the zone to NSD and proves that NSD itself answers
// it. Its methods are called by one goroutine.
type NSD struct {
	opts   Options
	apex   string
	asker  asker
	shared *handover

	place    *place           // nil until it is found
	served   bool             // the last try succeeded: NSD has the zone
	followed os.FileInfo      // the file whose serial has been looked at
	checked  *zone.Definition // whose static records NSD's own checker has read
	rewrite  bool             // the file is written anew, whatever it holds
	wary     bool             // NSD has lost the zone over a file
	// notBefore is when the next file may be handed over after such a loss, if NSD's
	// checker couldn't say why.
	notBefore time.Time
	surveyed  bool          // the other servers have been asked for their serials
	took      time.Duration // the last proof
}

// current is Current, or its default.
func (o Options) current() func() *zone.Definition {
	if o.Current != nil {
		return o.Current
	}
	return func() *zone.Definition { return o.Definition }
}

// New returns the two publishers of an NSD: itself, and the other servers of the zone.
// Nothing happens before they are asked to publish.
func New(opts Options) (*NSD, *Others) {
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	opts.Current = opts.current()
	opts.told = &told{serials: make(map[string]zone.Serial)}
	asker := asker{opts.Definition.Name(), newSightings(opts.Newest)}
	n := &NSD{opts: opts, apex: opts.Definition.Name(), asker: asker, shared: newHandover()}
	return n, newOthers(opts, n.asker, n.shared)
}

// nsdName is what logs and health call it.
const nsdName = "nsd"

// Name is what logs and health call it.
func (n *NSD) Name() string { return nsdName }

// A try lasts that long at the least, longer with a big file, and several times what
// the last one took: a zone of a million names, a hundred megabytes, takes NSD a quarter
// of a minute, and slow isn't broken.
const (
	leastPatience       = 10 * time.Second
	patiencePerMegabyte = 300 * time.Millisecond
	morePatience        = 3
	// leastReminder is when NSD is asked again whether it wouldn't reload.
	leastReminder = time.Second
	// mostPatience bounds what a try may come to last.
	mostPatience = 10 * time.Minute
	// afterLoss is how long NSD is left with the last good file.
	afterLoss = 8 * time.Second
)

// Publish hands a snapshot to NSD; it returns nil only when all of NSD's processes
// answer its serial or a later one.
func (n *NSD) Publish(ctx context.Context, snap *zone.Snapshot) error {
	ctx, cancel := context.WithTimeout(ctx, n.patience(snap))
	defer cancel()
	err := n.publish(ctx, snap)
	if err != nil && !errors.Is(err, zone.ErrOvertaken) {
		n.served = false
		if n.place != nil {
			n.place.stale = true
		}
	}
	return err
}

func (n *NSD) patience(snap *zone.Snapshot) time.Duration {
	const octetsPerName = 100
	size := time.Duration(snap.Len()) * octetsPerName * patiencePerMegabyte >> 20
	return min(mostPatience, max(leastPatience+size, morePatience*n.took))
}

func (n *NSD) publish(ctx context.Context, snap *zone.Snapshot) error {
	if err := n.settle(ctx); err != nil {
		return err
	}
	if err := n.follow(ctx, snap); err != nil {
		return err
	}
	if err := n.survey(ctx, snap); err != nil {
		return err
	}
	if err := n.write(ctx, snap); err != nil {
		return err
	}
	begun := time.Now()
	if err := n.place.reload(ctx); err != nil {
		return err
	}
	if err := n.place.file.settle(); err != nil {
		return err
	}
	if err := n.prove(ctx, snap.Serial(), begun); err != nil {
		return n.undo(ctx, err)
	}
	n.succeeded(snap, begun)
	return nil
}

// settle finds NSD's configuration, unless it is known.
func (n *NSD) settle(ctx context.Context) error {
	if n.place != nil && !n.place.changed() {
		return nil
	}
	place, err := n.opts.find(ctx)
	if err != nil {
		return err
	}
	if n.place == nil || n.place.file.path != place.file.path {
		n.followed = nil
	} else {
		place.file, place.listener = n.place.file, n.place.listener
	}
	n.place = place
	return nil
}

// prove waits for NSD's own listener.
func (n *NSD) prove(ctx context.Context, serial zone.Serial, begun time.Time) error {
	p := proof{
		asker: n.asker, server: n.place.answering(ctx, n.asker), want: serial, newest: n.opts.Newest, census: n.place.processes.servers,
		begun: begun, early: n.served, served: n.served, silent: true,
		remind: func() error { return n.place.reload(ctx) }, patience: max(leastReminder, 2*n.took),
	}
	err := p.run(ctx)
	if errors.Is(err, errSilent) {
		n.place.listener = "" // it may have moved to another address
	}
	if ctx.Err() == context.DeadlineExceeded {
		n.took = max(n.took, time.Since(begun)) // slow isn't broken: the next try has more time
	}
	// It may be that NSD could not read the file and said so in its log alone.
	n.rewrite = err != nil
	return err
}

// undo has NSD go back to the last good file where it lost the zone over the new one.
// Anything else is left as it is: slow isn't broken.
func (n *NSD) undo(ctx context.Context, cause error) error {
	var answer rcodeError
	var ahead aheadError
	if errors.As(cause, &ahead) {
		return join(n.opts.ahead(ctx, ahead.server, ahead.serial, n.opts.Newest()), cause)
	}
	if !n.served && !n.wary || !errors.As(cause, &answer) || answer.lame {
		return cause
	}
	n.rewrite, n.wary = true, true
	reason, err := n.place.checkzone(ctx, n.place.file.path)
	if err == nil {
		reason = "nsd-checkzone finds no fault in it, so see NSD's log"
		n.notBefore = time.Now().Add(afterLoss)
	}
	if err := n.place.file.goBack(); err != nil {
		return fmt.Errorf("%w after the new zone file: %s; the last good file could not be put back: %w", cause, reason, err)
	}
	if err := n.place.reload(ctx); err != nil {
		return fmt.Errorf("%w after the new zone file: %s; the last good file is back, but: %w", cause, reason, err)
	}
	return fmt.Errorf("%w after the new zone file: %s; the last good file is back", cause, reason)
}

func (n *NSD) succeeded(snap *zone.Snapshot, begun time.Time) {
	took := time.Since(begun)
	n.served, n.wary, n.took, n.place.file.served = true, false, took, true
	place := n.place
	others := n.others()
	n.asker.seen.keep(append([]string{place.listener}, others...))
	n.shared.proved(snap.Serial(), begun, others, func(ctx context.Context) error {
		return mustSucceed(ctx, place.control, "notify "+place.Zone)
	})
	n.opts.Log.Debug("NSD answers", "serial", snap.Serial(), "live", snap.Len(), "took", took)
}

// others returns who besides NSD has to answer.
func (n *NSD) others() []string {
	servers := n.opts.Confirm
	if servers == nil {
		servers = n.place.Secondaries
	}
	return n.place.besides(servers)
}

// Check reports whether NSD still answers what was published last, and the file is
// still as it was left: somebody may have edited it, or restarted NSD with an old one.
func (n *NSD) Check(ctx context.Context, snap *zone.Snapshot) error {
	if n.place == nil {
		return errors.New("it isn't known what NSD serves")
	}
	if !n.place.file.untouched() {
		return fmt.Errorf("the zone file %s was changed by somebody else", n.place.file.path)
	}
	serial, err := n.asker.serial(ctx, n.place.answering(ctx, n.asker))
	if err != nil {
		return err
	}
	if serial != snap.Serial() {
		return fmt.Errorf("%s answers serial %d instead of %d", n.place.listener, serial, snap.Serial())
	}
	return nil
}
