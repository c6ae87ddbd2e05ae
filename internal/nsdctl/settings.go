package nsdctl

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
)

// Settings is what NSD's configuration says of itself and of the zone. It is
// immutable.
type Settings struct {
	Zone        string   // as nsd.conf spells it
	ZoneFile    string   // absolute
	ZonesDir    string   // where relative paths begin
	Chroot      string   // where NSD shuts itself in, "" for nowhere
	User        string   // whom NSD runs as; "" for whoever starts it
	Listeners   []string // host:port, where it can be asked
	Secondaries []string // host:port of those it sends NOTIFY to
	RequestXFR  []string // not empty: NSD is a secondary of the zone

	control control
	conf    *checkconf
}

// control is how NSD's control channel is reached.
type control struct {
	address string // path of a unix socket, or host:port
	server  string // TLS: NSD's certificate
	key     string // TLS: the client's key and certificate
	cert    string
}

const defaultControlPort = "8952"

// discover reads what doesn't depend on the zone.
func discover(ctx context.Context, file string) (*Settings, error) {
	conf, err := newCheckconf(file)
	if err != nil {
		return nil, err
	}
	r := &reader{ctx: ctx, ask: conf.option}
	s := &Settings{conf: conf, User: r.one("username"), Chroot: r.one("chroot"), ZonesDir: r.one("zonesdir")}
	s.Listeners = listeners(r.all("ip-address"), r.one("port"), r.one("do-ip4") != "no")
	s.control = control{
		address: controlAddress(r.all("control-interface"), r.one("control-port")),
		server:  r.one("server-cert-file"), key: r.one("control-key-file"), cert: r.one("control-cert-file"),
	}
	if r.err == nil && r.one("control-enable") == "no" {
		return nil, fmt.Errorf("NSD's configuration %s has its control channel off: set control-enable: yes in its remote-control: clause, and restart NSD", file)
	}
	return s, r.err
}

// reader asks for several options; the first error stays.
type reader struct {
	ctx context.Context
	ask func(ctx context.Context, option string) ([]string, error)
	err error
}

func (r *reader) all(option string) []string {
	if r.err != nil {
		return nil
	}
	lines, err := r.ask(r.ctx, option)
	r.err = err
	return lines
}

func (r *reader) one(option string) string {
	if lines := r.all(option); len(lines) > 0 {
		return lines[0]
	}
	return ""
}

// errNoZone: nsd.conf doesn't have the zone.
var errNoZone = errors.New("the zone isn't in NSD's configuration")

// withZone returns the settings with what nsd.conf says of the zone.
func (s *Settings) withZone(ctx context.Context, apex string) (*Settings, error) {
	zones, err := s.conf.option(ctx, "zones")
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(zones, func(z string) bool { return sameName(z, apex) })
	if i < 0 {
		return nil, errNoZone
	}
	return s.read(ctx, zones[i], func(ctx context.Context, option string) ([]string, error) {
		return s.conf.ofZone(ctx, zones[i], option)
	})
}

// withPattern does so for a zone that was added while NSD ran.
func (s *Settings) withPattern(ctx context.Context, apex, pattern string) (*Settings, error) {
	return s.read(ctx, strings.TrimSuffix(apex, "."), func(ctx context.Context, option string) ([]string, error) {
		return s.conf.ofPattern(ctx, pattern, option)
	})
}

func (s *Settings) read(ctx context.Context, name string, ask func(context.Context, string) ([]string, error)) (*Settings, error) {
	r := &reader{ctx: ctx, ask: ask}
	z := *s
	z.Zone = name
	z.RequestXFR = r.all("request-xfr")
	z.Secondaries = notified(r.all("notify"))
	z.ZoneFile = s.absoluteFile(r.one("zonefile"), name)
	return &z, r.err
}

// absoluteFile is where the file of a zone is, by what zonefile: says; "" for none.
func (s *Settings) absoluteFile(zonefile, name string) string {
	file := expand(zonefile, name)
	if file != "" && !filepath.IsAbs(file) {
		file = filepath.Join(s.ZonesDir, file)
	}
	return file
}

func sameName(a, b string) bool {
	return strings.EqualFold(strings.TrimSuffix(a, "."), strings.TrimSuffix(b, "."))
}

// expand fills in what zonefile: may hold for a zone (nsd.conf(5)): %s the zone, %1
// %2 %3 its first characters, %z %y %x its labels from the right.
func expand(file, zone string) string {
	zone = strings.TrimSuffix(zone, ".")
	labels := strings.Split(zone, ".")
	slices.Reverse(labels)
	character := func(n int) string {
		if n >= len(zone) {
			return "."
		}
		return zone[n : n+1]
	}
	label := func(n int) string {
		if n >= len(labels) {
			return "."
		}
		return labels[n]
	}
	return strings.NewReplacer("%s", zone,
		"%1", character(0), "%2", character(1), "%3", character(2),
		"%z", label(0), "%y", label(1), "%x", label(2)).Replace(file)
}

// listeners turns ip-address: lines into addresses that can be asked: "192.0.2.1@5353
// servers=1", a wildcard, none at all.
func listeners(lines []string, port string, ip4 bool) []string {
	if len(lines) == 0 && ip4 {
		lines = []string{"127.0.0.1"}
	} else if len(lines) == 0 {
		lines = []string{"::1"}
	}
	var all []string
	for _, line := range lines {
		host, at := splitAt(line, port)
		for _, addr := range addresses(host) {
			all = append(all, net.JoinHostPort(addr.String(), at))
		}
	}
	return all
}

// addresses turns what ip-address: names into addresses of this machine: NSD takes the
// names of interfaces as well.
func addresses(host string) []netip.Addr {
	if addr, err := netip.ParseAddr(host); err == nil {
		switch addr {
		case netip.IPv4Unspecified():
			addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		case netip.IPv6Unspecified():
			addr = netip.IPv6Loopback()
		}
		return []netip.Addr{addr}
	}
	iface, err := net.InterfaceByName(host)
	if err != nil {
		return nil
	}
	networks, _ := iface.Addrs() // none is as good as an error
	var all []netip.Addr
	for _, n := range networks {
		if prefix, err := netip.ParsePrefix(n.String()); err == nil && !prefix.Addr().IsLinkLocalUnicast() {
			all = append(all, prefix.Addr())
		}
	}
	return all
}

// splitAt reads "ADDRESS[@PORT][ more]".
func splitAt(line, port string) (host, at string) {
	host, _, _ = strings.Cut(line, " ")
	if before, after, ok := strings.Cut(host, "@"); ok {
		return before, after
	}
	return host, port
}

// notified turns notify: lines, "192.0.2.2@5353 KEY", into addresses.
func notified(lines []string) []string {
	var all []string
	for _, line := range lines {
		host, port := splitAt(line, "53")
		if _, err := netip.ParseAddr(host); err == nil {
			all = append(all, net.JoinHostPort(host, port))
		}
	}
	return all
}

// controlAddress takes the first control interface; if that is a path, NSD takes all
// for unix sockets.
func controlAddress(interfaces []string, port string) string {
	if port == "" {
		port = defaultControlPort
	}
	if len(interfaces) == 0 {
		return net.JoinHostPort("127.0.0.1", port)
	}
	host := interfaces[0]
	if strings.HasPrefix(host, "/") {
		return host
	}
	host, port = splitAt(host, port)
	switch host {
	case "0.0.0.0":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	return net.JoinHostPort(host, port)
}
