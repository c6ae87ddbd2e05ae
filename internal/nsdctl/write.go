package nsdctl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// write puts the snapshot into the zone file, unless it is there.
func (n *NSD) write(ctx context.Context, snap *zone.Snapshot) error {
	file := n.place.file
	if file.holds(snap.Serial()) && !n.rewrite {
		return n.place.readable()
	}
	if err := n.checkStatic(ctx); err != nil {
		return err
	}
	kept, err := file.keepForeign()
	if err != nil {
		return file.explain(err)
	}
	if kept != "" {
		n.opts.Log.Warn("the zone file was not as acmezone wrote it; what was there is kept", "file", file.path, "kept", kept)
	}
	err = file.replace(snap.Serial(), n.place.reader.group(), n.inspection(ctx), func(w io.Writer) error { return n.opts.Write(w, snap) })
	if err != nil {
		return err
	}
	n.rewrite = false
	return nil
}

// inspection is what a file has to go through before NSD gets it: NSD's user must be
// able to read it, and once NSD has lost the zone over one, its checker reads all of the
// next, so that it doesn't lose it again and again.
func (n *NSD) inspection(ctx context.Context) func(path string) error {
	return func(path string) error {
		if err := n.place.reader.cannotRead(path, n.place.file.path); err != nil {
			return err
		}
		if !n.wary {
			return nil
		}
		if complaint, err := n.place.checkzone(ctx, path); err != nil {
			return fmt.Errorf("it isn't handed over: %s", complaint)
		}
		if wait := time.Until(n.notBefore); wait > 0 {
			return fmt.Errorf("it isn't handed over yet: NSD lost the zone over the last one and nsd-checkzone found no fault in that; the next try is in %v", wait.Round(time.Second))
		}
		return nil
	}
}

// checkStatic has NSD's checker read the zone without its challenges, whose form never
// changes, once for each definition: an older NSD doesn't know every type of record that the DNS library
// knows, and one line that it can't read costs it the whole zone.
func (n *NSD) checkStatic(ctx context.Context) error {
	def := n.opts.Current()
	if n.checked == def {
		return nil
	}
	file, err := os.CreateTemp("", "acmezone-zone-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	err = n.opts.Write(file, zone.NewSnapshot(n.opts.Newest(), 0))
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	complaint, err := n.place.checkzone(ctx, file.Name())
	if err != nil {
		return fmt.Errorf("NSD could not read the zone, so it isn't handed over: %s: look at zone.records", strings.ReplaceAll(complaint, file.Name(), n.place.Zone))
	}
	n.checked = def
	return nil
}
