// Package nsdtest starts real NSDs for tests: alone, or a primary with its
// secondaries. Each has a folder and a port of its own on loopback, so any number
// of them run side by side; none touches the system's.
package nsdtest

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
)

// Options say what is in nsd.conf. The zero value is an NSD that has no zones.
type Options struct {
	Zones    []Zone
	Servers  int    // server-count; 0 means 1
	Control  string // Unix, the default, TLS, OldTLS or Off
	Database bool   // use nsd.db, as Debian 12 does by default
	Addr     string // loopback IP, 127.0.0.1 by default, or what Reserve returned
	Username string // to run as, where the test is root; empty: who starts it

	ExtraServer string // lines of the server: clause
	Patterns    string // clauses, such as pattern: and key:
}

// Ways in which nsd-control reaches NSD.
const (
	Unix   = "unix"   // a socket in the folder
	TLS    = "tls"    // a port of 127.0.0.1, with the keys that nsd-control-setup makes
	OldTLS = "oldtls" // the same with keys as from before NSD 4.4.0: their names are in no SAN
	Off    = "off"
)

// Zone is a zone: clause.
type Zone struct {
	Name, File string
	Text       string // written to File unless that exists; empty: not written
	Extra      string // lines of the clause, such as notify: and provide-xfr:
}

func (o Options) tls() bool { return o.Control == TLS || o.Control == OldTLS }

// configuration is the text of nsd.conf. Rate limits would hide what a test that
// asks a lot wants to see, and NSD would wait up to a second before it loads what
// it fetched.
func (s *Server) configuration() string {
	o := s.options
	database := ""
	if o.Database {
		database = filepath.Join(s.Dir, "nsd.db")
	}
	var c strings.Builder
	fmt.Fprintf(&c, `server:
	ip-address: %s@%d
	server-count: %d
	username: %q
	database: %q
	zonesdir: %[6]q
	pidfile: "%[6]s/nsd.pid"
	xfrdir: %[6]q
	xfrdfile: "%[6]s/xfrd.state"
	zonelistfile: "%[6]s/zone.list"
	logfile: %[7]q
	verbosity: 1
	xfrd-reload-timeout: 0
	rrl-ratelimit: 0
	rrl-whitelist-ratelimit: 0
`, s.Addr.Addr(), s.Addr.Port(), max(o.Servers, 1), o.Username, database, s.Dir, s.logFile())
	c.WriteString(clause(o.ExtraServer))
	c.WriteString(s.remoteControl())
	c.WriteString(o.Patterns + "\n")
	for _, z := range o.Zones {
		fmt.Fprintf(&c, "zone:\n\tname: %q\n\tzonefile: %q\n%s", z.Name, z.File, clause(z.Extra))
	}
	return c.String()
}

// remoteControl names the keys in any case: nsd-control wants to know them.
func (s *Server) remoteControl() string {
	var c strings.Builder
	c.WriteString("remote-control:\n")
	switch {
	case s.options.Control == Off:
		c.WriteString("\tcontrol-enable: no\n")
	case s.options.tls():
		at := netip.MustParseAddrPort(s.ControlSocket)
		fmt.Fprintf(&c, "\tcontrol-enable: yes\n\tcontrol-interface: %s\n\tcontrol-port: %d\n", at.Addr(), at.Port())
		for key, file := range keyFiles {
			fmt.Fprintf(&c, "\t%s: %q\n", key, filepath.Join(s.Dir, file))
		}
	default:
		fmt.Fprintf(&c, "\tcontrol-enable: yes\n\tcontrol-interface: %q\n", s.ControlSocket)
	}
	return c.String()
}

// clause indents the lines of a clause.
func clause(lines string) string {
	var c strings.Builder
	for line := range strings.Lines(lines) {
		if line = strings.TrimSpace(line); line != "" {
			c.WriteString("\t" + line + "\n")
		}
	}
	return c.String()
}
