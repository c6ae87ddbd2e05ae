package nsdctl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
	"github.com/acmezone/acmezone/internal/zonegen"
)

// follow raises the zone's serial where the zone file has a later one: a database
// from a backup, or a zone that was made by hand before. Other servers would refuse
// what comes with a lower one. Where the file has the same serial and says something
// else, since the static records have changed, they would not come for it.
func (n *NSD) follow(ctx context.Context, snap *zone.Snapshot) error {
	file := n.place.file
	if file.untouched() || file.is(n.followed) {
		return nil
	}
	there, err := os.Stat(file.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return file.explain(err)
	}
	serial, err := file.readSerial(n.apex)
	switch {
	case err != nil:
		n.opts.Log.Warn("the serial of the zone file that is there can't be read", "file", file.path, "err", err)
		err = nil
	case serial == snap.Serial() && file.left == nil:
		err = n.renew(ctx, snap)
	default:
		err = n.opts.ahead(ctx, "the zone file "+file.path, serial, snap.Serial())
	}
	if err == nil || errors.Is(err, zone.ErrOvertaken) {
		n.followed = there
	}
	return err
}

// renew raises the serial if the file of that serial says something else than the
// snapshot.
func (n *NSD) renew(ctx context.Context, snap *zone.Snapshot) error {
	there, err := n.place.file.digest()
	if err != nil {
		return err
	}
	pipe, out := io.Pipe()
	go func() { out.CloseWithError(n.opts.Write(out, snap)) }()
	wanted, err := zonegen.Digest(pipe)
	if err != nil || wanted == there {
		return err
	}
	n.opts.Log.Info("the static records have changed: the zone gets a new serial", "serial", snap.Serial())
	if err := n.opts.Raise(ctx, snap.Serial()); err != nil {
		return err
	}
	return fmt.Errorf("%w: the zone file of serial %d says something else", zone.ErrOvertaken, snap.Serial())
}

// survey asks NSD and the other servers, once, for a serial that is later than the
// database's: changes that come after must not be taken for what is served already.
func (n *NSD) survey(ctx context.Context, snap *zone.Snapshot) error {
	if n.surveyed {
		return nil
	}
	servers := append(n.others(), n.place.Listeners...)
	found := make([]error, len(servers))
	var asking sync.WaitGroup
	for i, server := range servers {
		asking.Go(func() {
			if serial, err := n.asker.serial(ctx, server); err == nil {
				found[i] = n.opts.ahead(ctx, server, serial, snap.Serial())
			}
		})
	}
	asking.Wait()
	err := join(found...)
	n.surveyed = err == nil
	return err
}

// ahead decides what to do with a serial that was found elsewhere; nil where it isn't
// ahead, or isn't followed.
func (o Options) ahead(ctx context.Context, where string, found, ours zone.Serial) error {
	if ours.Reached(found) {
		return nil
	}
	if !found.Plausible(ours, time.Now()) {
		if !o.told.first(where, found) {
			return nil
		}
		o.Log.Error("a serial was found that can't be right, and is not followed: servers that hold it refuse the zone until 'nsd-control force_transfer' is typed there",
			"where", where, "serial", found, "ours", ours)
		return nil
	}
	o.Log.Warn("a later serial was found; the zone's own is raised beyond it", "where", where, "serial", found, "ours", ours)
	if err := o.Raise(ctx, found); err != nil {
		return err
	}
	return fmt.Errorf("%w: %s has serial %d", zone.ErrOvertaken, where, found)
}

// told keeps what was said once from being said again with every try. It may be used by
// any number of goroutines.
type told struct {
	mu      sync.Mutex
	serials map[string]zone.Serial // by where they were found
}

// first reports whether that serial was not there when somebody looked last.
func (t *told) first(where string, serial zone.Serial) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.serials[where] == serial {
		return false
	}
	t.serials[where] = serial
	return true
}
