package nsdctl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Server is an NSD, and how it is spoken to.
type Server struct {
	Config         string   // its nsd.conf
	Control        string   // unix socket's path or host:port; empty: from nsd.conf
	ControlCommand []string // instead: a command line
}

// place is all that is known of one NSD and of a zone in it.
type place struct {
	*Settings
	control   commander
	file      *zoneFile // nil where the zone isn't acmezone's own
	reader    *reading  // nil: NSD can read everything, or its user isn't known
	processes *locator
	listener  string // where it answered last

	confInfo os.FileInfo // of nsd.conf when it was read
	stale    bool        // a try has failed since: read it again
}

// find reads NSD's configuration and what there is about acmezone's own zone. Each error
// says what to change.
func (o Options) find(ctx context.Context) (*place, error) {
	server := Server{Config: o.Config, Control: o.Control, ControlCommand: o.ControlCommand}
	apex := o.Definition.Name()
	p, err := server.place(ctx, apex, stanzaHint(apex, o.Config))
	if err != nil {
		return nil, err
	}
	if err := o.checkSettings(p.Settings); err != nil {
		return nil, err
	}
	p.file = openZoneFile(p.ZoneFile)
	return p, p.file.writable()
}

// place reads NSD's configuration and what there is about a zone. The hint says what to
// do where NSD doesn't have the zone.
func (s Server) place(ctx context.Context, apex, hint string) (*place, error) {
	info, err := os.Stat(s.Config)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("NSD's configuration %s is not there: install NSD, or set nsd.config", s.Config)
	}
	if err != nil {
		return nil, fmt.Errorf("NSD's configuration: %w", err)
	}
	general, err := discover(ctx, s.Config)
	if err != nil {
		return nil, err
	}
	p := &place{confInfo: info, reader: whoReads(general.User)}
	if p.control, err = s.commander(general); err != nil {
		return nil, err
	}
	if p.Settings, err = zoneSettings(ctx, general, p.control, apex, hint); err != nil {
		return nil, err
	}
	p.processes = &locator{find: p.family, again: time.Second}
	return p, nil
}

func (s Server) commander(found *Settings) (commander, error) {
	if len(s.ControlCommand) > 0 {
		return command(s.ControlCommand), nil
	}
	c := found.control
	if s.Control != "" {
		c.address = s.Control
	}
	return newChannel(c)
}

// zoneSettings looks for the zone in nsd.conf, then among those that were added to the
// running NSD.
func zoneSettings(ctx context.Context, general *Settings, nsd commander, apex, hint string) (*Settings, error) {
	s, err := general.withZone(ctx, apex)
	if errors.Is(err, errNoZone) {
		s, err = added(ctx, general, nsd, apex, hint)
	}
	if err != nil {
		return nil, err
	}
	if len(s.Listeners) == 0 {
		return nil, fmt.Errorf("no ip-address in %s is an address, so it isn't known where NSD answers: write addresses there", general.conf.file)
	}
	return s, nil
}

// checkSettings says what keeps acmezone from writing the zone's file.
func (o Options) checkSettings(s *Settings) error {
	if len(s.RequestXFR) > 0 {
		return fmt.Errorf("NSD is a secondary of %s (request-xfr: %s): NSD would write over the zone file; take request-xfr out of its zone: clause in %s and type 'nsd-control reconfig'", s.Zone, s.RequestXFR[0], o.Config)
	}
	wanted := o.ZoneFile
	if wanted != "" && !filepath.IsAbs(wanted) {
		wanted = filepath.Join(s.ZonesDir, wanted)
	}
	if wanted != "" && s.ZoneFile != "" && !samePath(wanted, s.ZoneFile) {
		return fmt.Errorf("nsd.zonefile is %s, and NSD reads %s: leave nsd.zonefile out, or change zonefile: in %s", wanted, s.ZoneFile, o.Config)
	}
	if s.ZoneFile == "" {
		return fmt.Errorf("NSD has no zonefile: for %s: add one to its zone: clause in %s; 'acmezone nsd-conf' prints the whole clause", s.Zone, o.Config)
	}
	return nil
}

func samePath(a, b string) bool {
	if a == b {
		return true
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// added asks the running NSD for a zone that nsd.conf doesn't have: 'nsd-control
// addzone' keeps those elsewhere.
func added(ctx context.Context, general *Settings, nsd commander, apex, hint string) (*Settings, error) {
	answer, err := nsd.send(ctx, "zonestatus "+strings.TrimSuffix(apex, "."))
	if err != nil {
		return nil, fmt.Errorf("%w, and a zone %s isn't in %s: %s", err, strings.TrimSuffix(apex, "."), general.conf.file, hint)
	}
	pattern := field(answer, "pattern:")
	if pattern == "" {
		return nil, fmt.Errorf("NSD has no zone %s: %s", strings.TrimSuffix(apex, "."), hint)
	}
	return general.withPattern(ctx, apex, pattern)
}

// field finds "NAME VALUE" among the lines of an answer.
func field(answer, name string) string {
	for line := range strings.SplitSeq(answer, "\n") {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name); ok {
			return strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return ""
}

// answering returns where NSD is asked: where it answered last, else the first of its
// addresses that gives an answer of any kind. All lead to the same processes.
func (p *place) answering(ctx context.Context, a asker) string {
	if p.listener != "" {
		return p.listener
	}
	for _, server := range p.Listeners {
		// Where ctx has ended nothing is known of the server.
		if _, err := a.serial(ctx, server); ctx.Err() == nil && !errors.Is(err, errSilent) {
			p.listener = server
			return server
		}
	}
	return p.Listeners[0]
}

// besides returns the servers that aren't NSD itself, each once.
func (p *place) besides(servers []string) []string {
	servers = slices.Compact(slices.Sorted(slices.Values(servers)))
	return slices.DeleteFunc(servers, func(s string) bool { return slices.Contains(p.Listeners, s) })
}

// family asks NSD for its main process.
func (p *place) family() (family, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), dialTime)
	defer cancel()
	answer, err := p.control.send(ctx, "serverpid")
	if err != nil {
		return family{}, false
	}
	pid, err := strconv.Atoi(strings.TrimSpace(answer))
	if err != nil {
		return family{}, false
	}
	return familyOf(pid)
}

// changed reports whether nsd.conf is another file than was read, or may say something
// else all the same: what it includes can change without it.
func (p *place) changed() bool {
	now, err := os.Stat(p.conf.file)
	return p.stale || err != nil || !os.SameFile(now, p.confInfo) ||
		now.Size() != p.confInfo.Size() || !now.ModTime().Equal(p.confInfo.ModTime())
}

// readable says what keeps NSD from reading the zone file.
func (p *place) readable() error { return p.reader.cannotRead(p.file.path, p.file.path) }

// checkzone has NSD's own checker read a file of the zone. The error is that the file
// can't be read by NSD, and the text what is wrong; where the checker isn't there, or
// takes too long, nothing is.
func (p *place) checkzone(ctx context.Context, file string) (complaint string, err error) {
	complaint, err = p.runCheckzone(ctx, file)
	if complaint == "" {
		return "", nil
	}
	return complaint, err
}

// runCheckzone does so in zonesdir, where NSD runs. Without a complaint the error is that
// the checker could not be run.
func (p *place) runCheckzone(ctx context.Context, file string) (complaint string, err error) {
	ctx, cancel := context.WithTimeout(ctx, checkconfTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, strings.TrimSuffix(p.conf.program, "conf")+"zone", p.Zone, file)
	cmd.Dir = p.ZonesDir
	cmd.WaitDelay = lastWords
	out, err := cmd.CombinedOutput()
	var failed *exec.ExitError
	if !errors.As(err, &failed) || ctx.Err() != nil {
		return "", err
	}
	return "nsd-checkzone says: " + lastError(string(out)), err
}

// lastError is the most telling line of what nsd-checkzone says.
func lastError(text string) string {
	if at := strings.LastIndex(text, "error: "); at >= 0 {
		text = text[at+len("error: "):]
	}
	return firstLine(text, errors.New("it says nothing"))
}

// reload has NSD read the zone file.
func (p *place) reload(ctx context.Context) error {
	err := mustSucceed(ctx, p.control, "reload "+p.Zone)
	if err != nil && strings.Contains(err.Error(), "not configured") {
		return fmt.Errorf("%w: it hasn't read its configuration since the zone was added to it: type 'nsd-control reconfig'", err)
	}
	return err
}

// Inspect finds out what NSD's configuration says, changes nothing, and reports what
// would keep the zone from being handed over by who runs it.
func Inspect(ctx context.Context, o Options) (*Settings, error) {
	p, err := o.find(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := p.control.send(ctx, "status"); err != nil {
		return nil, err
	}
	if err := p.reader.cannotEnter(filepath.Dir(p.file.path)); err != nil {
		return nil, err
	}
	o.Current = o.current()
	n := &NSD{opts: o, place: p}
	return p.Settings, n.checkStatic(ctx)
}

// Readable returns what NSD's own checker says against the static records, and changes
// nothing. Where NSD's configuration or the checker aren't to be found it is nil: that they
// are wrong isn't known then.
func Readable(ctx context.Context, o Options) error {
	o.Current = o.current()
	p, err := o.find(ctx)
	if err != nil {
		return nil
	}
	n := &NSD{opts: o, place: p}
	return n.checkStatic(ctx)
}

// stanzaHint says what to type where NSD doesn't know the zone.
func stanzaHint(apex, config string) string {
	name := strings.TrimSuffix(apex, ".")
	return fmt.Sprintf("append what 'acmezone nsd-conf' prints to %s and type 'nsd-control reconfig'; or, with a pattern of yours, 'nsd-control addzone %s PATTERN'", config, name)
}
