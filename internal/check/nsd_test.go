package check_test

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/acmezone/acmezone/internal/check"
	"github.com/acmezone/acmezone/internal/nsdctl"
	"github.com/acmezone/acmezone/internal/zone"
	"github.com/acmezone/acmezone/internal/zonegen"
)

// withNSD are options for a service that hands the zone to the bed's primary.
func (b *bed) withNSD(t *testing.T, def *zone.Definition) check.Options {
	t.Helper()
	opts := b.options(def)
	opts.NSD = &nsdctl.Options{
		Definition: def, Config: b.primary.Config, Log: slog.New(slog.DiscardHandler),
		Write:  func(w io.Writer, snap *zone.Snapshot) error { return zonegen.Write(w, def, snap) },
		Newest: func() zone.Serial { return serial },
	}
	return opts
}

func TestNSD(t *testing.T) {
	o := twoServers("ok")
	b := newBed(t, bedOptions{own: []own{o}})
	b.secondary.Await(t, o.name(), serial)
	t.Run("as it should be", func(t *testing.T) {
		findings := check.Run(context.Background(), b.withNSD(t, o.definition(t)), nil)
		mustFind(t, findings, wanted{"nsd", check.OK, "NSD can be controlled and reads " + b.primary.Dir + "/ok.zone", ""})
		// Whom NSD notifies is asked as well.
		if !strings.Contains(subjects(findings), b.secondary.Addr.String()) {
			t.Error(subjects(findings))
		}
	})
	t.Run("without the zone", func(t *testing.T) {
		opts := b.withNSD(t, own{label: "unknown"}.definition(t))
		mustFind(t, only(check.Run(context.Background(), opts, nil), "nsd"), wanted{"nsd", check.Fault,
			"NSD has no zone auth.unknown.example: append what 'acmezone nsd-conf' prints to " + b.primary.Config +
				" and type 'nsd-control reconfig'; or, with a pattern of yours, 'nsd-control addzone auth.unknown.example PATTERN'", ""})
	})
	t.Run("without a configuration", func(t *testing.T) {
		opts := b.withNSD(t, o.definition(t))
		opts.NSD.Config = "/nowhere/nsd.conf"
		mustFind(t, check.Run(context.Background(), opts, nil), wanted{"nsd", check.Fault,
			"NSD's configuration /nowhere/nsd.conf is not there: install NSD, or set nsd.config", ""})
	})
	t.Run("stuck", func(t *testing.T) {
		b.primary.Freeze()
		defer b.primary.Thaw()
		found := only(check.Run(context.Background(), b.withNSD(t, o.definition(t)), nil), "nsd")
		if len(found) != 1 || found[0].Status != check.Fault || !strings.Contains(found[0].Message, "doesn't answer: NSD's xfrd process is stuck or stopped") {
			t.Errorf("%+v", found)
		}
	})
}

func subjects(findings []check.Finding) string {
	var all []string
	for _, f := range findings {
		all = append(all, f.Subject)
	}
	return strings.Join(all, " ")
}
