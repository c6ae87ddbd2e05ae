package templates

import "slices"

// ZoneHeader is what zone-header.tmpl is given. It renders to comments only.
type ZoneHeader struct {
	Zone      string // without the dot at the end
	Serial    uint32
	LiveNames int
}

// Delegation is what delegation.tmpl is given. It renders to comments and these
// records, each of them on a line of its own.
type Delegation struct {
	Zone string   // without the dot at the end
	NS   []string // records in presentation format, names absolute
	Glue []string // the same; empty where no name server lies in the zone
}

// NSDStanza is what nsd-stanza.tmpl is given.
type NSDStanza struct {
	Zone        string   // without the dot at the end
	ZoneFile    string   // of a primary, as nsd.conf names it
	Secondaries []Server // to notify and to allow transfers to
	Primary     *Server  // set: the stanza is a secondary's, and this is its primary
	Key         string   // the name of a TSIG key, or "NOKEY"
}

// Server is a name server as nsd.conf names it.
type Server struct {
	Address string
	Port    string // "" for the usual one
}

// CNAME is what cname.tmpl is given. It renders to comments and the record.
type CNAME struct {
	Domain string // that certificates are for, "example.org"
	Owner  string // "_acme-challenge.example.org."
	Target string // the account's name in acmezone's zone, with the dot at the end
	TTL    uint32 // in seconds
	Record string // the whole record in presentation format
}

// data is what a template is given: each kind knows which file it is for, and what
// that may render.
type data interface {
	file() string
	check(text string) error
}

func (ZoneHeader) file() string { return "zone-header.tmpl" }
func (Delegation) file() string { return "delegation.tmpl" }
func (NSDStanza) file() string  { return "nsd-stanza.tmpl" }
func (CNAME) file() string      { return "cname.tmpl" }

func (ZoneHeader) check(text string) error { return commentsAround(nil, text) }
func (d Delegation) check(text string) error {
	return commentsAround(slices.Concat(d.NS, d.Glue), text)
}
func (NSDStanza) check(string) error    { return nil }
func (c CNAME) check(text string) error { return commentsAround([]string{c.Record}, text) }

// examples are what templates are tried with when they are loaded: every branch that
// the embedded ones have, and more.
var examples = []data{
	ZoneHeader{Zone: "auth.example.org", Serial: 1790000000, LiveNames: 2},
	ZoneHeader{Zone: "auth.example.org"},
	Delegation{
		Zone: "auth.example.org",
		NS:   []string{"auth.example.org.\t3600\tIN\tNS\tauth.example.org.", "auth.example.org.\t3600\tIN\tNS\tns.example.net."},
		Glue: []string{"auth.example.org.\t3600\tIN\tA\t198.51.100.1", "auth.example.org.\t3600\tIN\tAAAA\t2001:db8::93"},
	},
	Delegation{Zone: "auth.example.org", NS: []string{"auth.example.org.\t3600\tIN\tNS\tns.example.net."}},
	NSDStanza{Zone: "auth.example.org", ZoneFile: "auth.example.org.zone", Key: "NOKEY"},
	NSDStanza{
		Zone: "auth.example.org", ZoneFile: "auth.example.org.zone", Key: "transfer",
		Secondaries: []Server{{Address: "192.0.2.53"}, {Address: "2001:db8::53", Port: "5353"}},
	},
	NSDStanza{Zone: "auth.example.org", Primary: &Server{Address: "192.0.2.1"}, Key: "transfer"},
	CNAME{
		Domain: "example.org", Owner: "_acme-challenge.example.org.", TTL: 3600,
		Target: "8e57a3d4-0c5f-4f0e-9d0b-6a4e3b1f2c11.auth.example.org.",
		Record: "_acme-challenge.example.org.\t3600\tIN\tCNAME\t8e57a3d4-0c5f-4f0e-9d0b-6a4e3b1f2c11.auth.example.org.",
	},
}
