package nsdctl

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zone"
)

// HandWritten is a zone that NSD has and that acmezone doesn't own: somebody keeps its
// file by hand. One goroutine uses it.
type HandWritten struct {
	*Settings
	place *place
	asker asker
	begun time.Time // of the last reload
}

// OpenZone finds a zone in NSD's configuration, or among those that were added to the
// running NSD. The errors say what to change; it is one that NSD fetches the zone from
// another server (request-xfr), or has no file for it.
func OpenZone(ctx context.Context, server Server, name string) (*HandWritten, error) {
	apex := dns.CanonicalName(name)
	hint := fmt.Sprintf("add a zone: clause for it to %s and type 'nsd-control reconfig', or take it out of nsd.attach_zones", server.Config)
	p, err := server.place(ctx, apex, hint)
	if err != nil {
		return nil, err
	}
	if len(p.RequestXFR) > 0 {
		return nil, fmt.Errorf("NSD here is a secondary of %s (request-xfr: %s), so what is written into its zone file is lost: attach on the primary, or take it out of nsd.attach_zones", p.Zone, p.RequestXFR[0])
	}
	if p.ZoneFile == "" {
		return nil, fmt.Errorf("NSD has no zonefile: for %s: add one to its zone: clause in %s", p.Zone, server.Config)
	}
	return &HandWritten{Settings: p.Settings, place: p, asker: asker{apex: apex}}, nil
}

// Running reports what keeps NSD from being told to reload.
func (z *HandWritten) Running(ctx context.Context) error {
	_, err := z.place.control.send(ctx, "status")
	return err
}

// Check has NSD's own checker read a file of the zone, in zonesdir. The error holds what
// it complains of.
func (z *HandWritten) Check(ctx context.Context, file string) error {
	complaint, err := z.place.runCheckzone(ctx, file)
	if complaint != "" {
		return errors.New(complaint)
	}
	if err != nil {
		return fmt.Errorf("nsd-checkzone can't be run: %w", err)
	}
	return nil
}

// Readable says what keeps NSD's user from reading a file that is to have that path.
func (z *HandWritten) Readable(file, path string) error {
	return z.place.reader.cannotRead(file, path)
}

// Reload has NSD read the zone's file, if its time of change is another than that of the
// file it has read. That NSD accepts it says nothing of what comes of it: Prove does.
func (z *HandWritten) Reload(ctx context.Context) error {
	z.begun = time.Now()
	return z.place.reload(ctx)
}

// Servers returns NSD's own address and those it sends NOTIFY to.
func (z *HandWritten) Servers(ctx context.Context) []string {
	return append([]string{z.place.answering(ctx, z.asker)}, z.place.besides(z.Secondaries)...)
}

// Answer is what a server has of the zone.
type Answer struct {
	Server string
	Serial zone.Serial
	Err    error // why there is no serial
}

// Serials asks NSD, which comes first, and the servers that it notifies.
func (z *HandWritten) Serials(ctx context.Context) []Answer {
	return z.each(z.Servers(ctx), func(server string) Answer {
		serial, err := z.asker.serial(ctx, server)
		return Answer{server, serial, err}
	})
}

// each does something with all servers at once and waits for all.
func (z *HandWritten) each(servers []string, do func(server string) Answer) []Answer {
	answers := make([]Answer, len(servers))
	var asking sync.WaitGroup
	for i, server := range servers {
		asking.Go(func() { answers[i] = do(server) })
	}
	asking.Wait()
	return answers
}

// Target asks a server for the CNAME at an absolute name, "" if it says that there is
// none.
func (z *HandWritten) Target(ctx context.Context, server, name string) (string, error) {
	answer, err := z.asker.ask(ctx, server, name, dns.TypeCNAME)
	if err != nil {
		return "", err
	}
	if answer.Rcode != dns.RcodeSuccess && answer.Rcode != dns.RcodeNameError {
		return "", rcodeError{server: server, rcode: answer.Rcode}
	}
	for _, rr := range answer.Answer {
		if cname, ok := rr.(*dns.CNAME); ok && strings.EqualFold(cname.Hdr.Name, name) {
			return dns.CanonicalName(cname.Target), nil
		}
	}
	return "", nil
}

// Prove waits until all of NSD's processes answer a serial, or ctx ends. Served is
// whether NSD had the zone before: then Lost tells an error that means that it could not
// read the files.
func (z *HandWritten) Prove(ctx context.Context, serial zone.Serial, served bool) error {
	p := z.proof(z.place.answering(ctx, z.asker), serial, z.place.processes)
	// A question that falls between the old processes and the new may have no answer.
	p.early, p.served, p.silent = served, served, false
	p.remind, p.patience = func() error { return z.place.reload(ctx) }, leastReminder
	return foreign(p.run(ctx))
}

// silences is how often in a row a server gives no answer before it is taken for dead:
// there is no next try, as there is with acmezone's own zone.
const silences = 2

// ProveOthers waits until the servers that NSD notifies answer a serial, those that are
// passed over left out. Those that don't have an error; Silent tells one from whom there
// was no answer at all.
func (z *HandWritten) ProveOthers(ctx context.Context, serial zone.Serial, passOver func(server string) bool) []Answer {
	shared := newHandover()
	shared.proved(serial, z.begun, nil, func(ctx context.Context) error {
		return mustSucceed(ctx, z.place.control, "notify "+z.Zone)
	})
	servers := slices.DeleteFunc(z.place.besides(z.Secondaries), passOver)
	return z.each(servers, func(server string) Answer {
		find := func() (family, bool) { return familyAt(server) }
		processes := &locator{find: find, again: searchAgain}
		var err error
		for try := 0; try == 0 || try < silences && Silent(err); try++ {
			p := z.proof(server, serial, processes)
			p.last = err // what there is to say where the next try has no time left
			p.remind, p.patience = shared.remind(ctx), notifyAgain
			err = foreign(p.run(ctx))
		}
		var behind behindError
		if errors.As(err, &behind) {
			err = withTransferHint(err)
		}
		return Answer{server, serial, err}
	})
}

func (z *HandWritten) proof(server string, serial zone.Serial, processes *locator) *proof {
	begun := z.begun
	if begun.IsZero() {
		begun = time.Now()
	}
	return &proof{
		asker: z.asker, server: server, want: serial, newest: func() zone.Serial { return serial },
		census: processes.servers, begun: begun, silent: true,
	}
}

// foreign says what a later serial means in a zone that others change as well.
func foreign(err error) error {
	var ahead aheadError
	if !errors.As(err, &ahead) {
		return err
	}
	return fmt.Errorf("%s answers serial %d, which is ahead of the zone file's: somebody else has changed the zone, or that server takes no older one until 'nsd-control force_transfer' is typed there", ahead.server, ahead.serial)
}

// Lost reports whether an error of Prove means that NSD has lost the zone: it couldn't
// read its files.
func Lost(err error) bool {
	var answer rcodeError
	return errors.As(err, &answer) && answer.rcode == dns.RcodeServerFailure
}

// Silent reports whether an error means that a server gave no answer at all.
func Silent(err error) bool { return errors.Is(err, errSilent) }
