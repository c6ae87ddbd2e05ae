package check

import (
	"context"
	"fmt"
	"time"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zone"
)

// reference is the serial that all servers should have, and who says so.
type reference struct {
	known  bool
	serial zone.Serial
	from   string // who has it
	own    bool   // acmezone itself says so
	err    error  // it doesn't
}

// catchUp is how long a server may take to have a serial: an update may be on its way
// just now.
const catchUp = 3 * time.Second

// readSerial asks the service, or its database.
func (c *checker) readSerial(ctx context.Context) reference {
	if c.Service == nil || c.Service.Serial == nil {
		return reference{}
	}
	ctx, cancel := context.WithTimeout(ctx, adminTime)
	defer cancel()
	serial, err := c.Service.Serial(ctx)
	return reference{known: err == nil, serial: serial, from: "acmezone", own: true, err: err}
}

// compareSerials returns what is wrong with the serial of each server. Without a
// service to ask, the latest of them counts.
func (c *checker) compareSerials(ctx context.Context, states []state) [][]Finding {
	want := c.serial()
	for _, st := range states {
		if st.serial != nil && (!want.known || !want.own && want.serial.Less(*st.serial)) {
			want = reference{known: true, serial: *st.serial, from: st.server.String()}
		}
	}
	return parallel(states, func(st state) []Finding {
		if st.serial == nil {
			return nil
		}
		return c.compareSerial(ctx, st, want)
	})
}

func (c *checker) compareSerial(ctx context.Context, st state, want reference) []Finding {
	if *st.serial == want.serial {
		return nil
	}
	got := c.settle(ctx, st, want.serial)
	f := Finding{Check: "serial", Subject: st.server.String(), Status: Fault}
	switch {
	case got.Reached(want.serial) && c.plausible(ctx, got, want):
		return nil
	case got.Reached(want.serial):
		f.Message = fmt.Sprintf("serial %d is %d ahead of %d, which %s has: somebody else writes this zone, or the database is an old copy", got, got-want.serial, want.serial, want.from)
		f.Fix = "find out who else serves or edits the zone; the running service raises its own serial beyond it with [nsd], else take the zone away there"
	default:
		f.Message = fmt.Sprintf("serial %d is %d behind %d, which %s has: a CA that asks there gets old values", got, want.serial-got, want.serial, want.from)
		f.Fix = fmt.Sprintf("on that server type: nsd-control force_transfer %s; then see that notify: and provide-xfr: of the primary and allow-notify: and request-xfr: there name each other ('acmezone nsd-conf --secondary %s' prints the primary's)",
			bare(c.Definition.Name()), nsdAddress(st.server))
	}
	return []Finding{f}
}

// settle waits a little for a server that is behind, and returns what it answers then.
func (c *checker) settle(ctx context.Context, st state, want zone.Serial) zone.Serial {
	got := *st.serial
	deadline := time.After(catchUp)
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for !got.Reached(want) {
		select {
		case <-again.C:
		case <-deadline:
			return got
		case <-ctx.Done():
			return got
		}
		answer, err := c.asker.ask(ctx, st.server.addr, question{name: c.Definition.Name(), rrtype: dns.TypeSOA, tcp: true})
		if err != nil {
			return got
		}
		for _, soa := range records[*dns.SOA](answer.Answer, c.Definition.Name()) {
			got = zone.Serial(soa.Serial)
		}
	}
	return got
}

// plausible reports whether a serial beyond the service's comes of an update that it has
// made meanwhile.
func (c *checker) plausible(ctx context.Context, got zone.Serial, want reference) bool {
	if got == want.serial || !want.own {
		return true
	}
	now := c.readSerial(ctx)
	return now.known && now.serial.Reached(got)
}
