package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/acmezone/acmezone/internal/config"
	"github.com/acmezone/acmezone/internal/nsdctl"
	"github.com/acmezone/acmezone/internal/publish"
	"github.com/acmezone/acmezone/internal/zone"
	"github.com/acmezone/acmezone/internal/zonegen"
)

// nsdPublishers are NSD and the other servers of the zone, which get it from NSD.
func (s *service) nsdPublishers() []publish.Publisher {
	opts := nsdOptions(s.cfg, s.definition())
	opts.Write, opts.Current = s.writeZone, s.definition
	opts.Newest = func() zone.Serial { return s.pipeline.Snapshot().Serial() }
	opts.Raise = func(ctx context.Context, above zone.Serial) error {
		ctx, cancel := context.WithTimeout(ctx, s.timeout())
		defer cancel()
		return s.pipeline.Commit(ctx, zone.RaiseSerial{Above: above})
	}
	opts.Log = s.log
	nsd, others := nsdctl.New(opts)
	s.nsd = others
	return []publish.Publisher{nsd, others}
}

// nsdOptions are those that an inspection needs too.
func nsdOptions(cfg *config.Config, def *zone.Definition) nsdctl.Options {
	return nsdctl.Options{
		Write:      func(w io.Writer, snap *zone.Snapshot) error { return zonegen.Write(w, def, snap) },
		Newest:     func() zone.Serial { return 1 },
		Definition: def, Config: cfg.NSD.Config, ZoneFile: cfg.NSD.ZoneFile,
		Control: cfg.NSD.Control, ControlCommand: cfg.NSD.ControlCommand,
		Confirm: cfg.Publish.Confirm, SkipSilent: cfg.Publish.Unreachable == "skip",
	}
}

// reportNSD says what 'config check' finds of NSD. What is wrong there is a warning:
// the service starts without NSD, and publishes as soon as it can.
func reportNSD(ctx context.Context, s surroundings, cfg *config.Config, def *zone.Definition) {
	found, err := nsdctl.Inspect(ctx, nsdOptions(cfg, def))
	if err != nil {
		fmt.Fprintln(s.stderr, "warning:", oneLine(err))
		return
	}
	fmt.Fprintf(s.stdout, "NSD reads %s and answers at %s\n", found.ZoneFile, strings.Join(found.Listeners, ", "))
	others := found.Secondaries
	if cfg.Publish.Confirm != nil {
		others = cfg.Publish.Confirm
	}
	if len(others) > 0 {
		fmt.Fprintf(s.stdout, "an update is answered when these have it too: %s\n", strings.Join(others, ", "))
	}
}
