// Package config is the operator's configuration: plain data from a TOML file and
// the environment, and whether it makes sense. What the zone may hold is judged by
// package zone, what the machine has by those who use it.
package config

import "time"

// Config is a whole configuration, with every default filled in.
type Config struct {
	Zone    Zone    `toml:"zone"`
	Store   Store   `toml:"store"`
	API     API     `toml:"api"`
	Limits  Limits  `toml:"limits"`
	Admin   Admin   `toml:"admin"`
	DNS     *DNS    `toml:"dns"` // nil: the embedded server doesn't run
	NSD     *NSD    `toml:"nsd"` // nil: the zone isn't handed to NSD
	Publish Publish `toml:"publish"`
	Log     Log     `toml:"log"`

	origin origin
}

// Zone is what is served.
type Zone struct {
	Name          string   `toml:"name"`           // the only key without a default
	Nameservers   []string `toml:"nameservers"`    // NS; empty: the zone's own name
	Contact       string   `toml:"contact"`        // SOA RNAME as a mail address; empty: hostmaster@ the zone
	Records       []string `toml:"records"`        // static records, presentation format, relative to the zone
	TTL           Duration `toml:"ttl"`            // of NS and of static records that name none
	ChallengeTTL  Duration `toml:"challenge_ttl"`  // of challenge TXTs
	NegativeTTL   Duration `toml:"negative_ttl"`   // SOA MINIMUM and SOA TTL
	ValueLifetime Duration `toml:"value_lifetime"` // how long a value stays after it was set; 0: for ever
	MaxValues     int      `toml:"max_values"`     // values kept per name, the newest win
	SerialPolicy  string   `toml:"serial_policy"`  // unixtime, date or increment
}

// Store is where accounts and values are kept.
type Store struct {
	Path string `toml:"path"` // the SQLite file; its folder must exist
}

// API is what ACME clients speak to.
type API struct {
	Listen         []string `toml:"listen"`                 // host:port of each listener
	Hostname       string   `toml:"hostname"`               // the API's name in its certificate; empty: the zone's
	TLS            string   `toml:"tls"`                    // acme, files, self-signed or off
	CertFile       string   `toml:"cert_file"`              // tls = "files": the chain, PEM
	KeyFile        string   `toml:"key_file"`               // tls = "files": the key, PEM
	ACMEDirectory  string   `toml:"acme_directory"`         // tls = "acme": the CA
	ACMEEmail      string   `toml:"acme_email"`             // tls = "acme": contact of the ACME account
	ACMEEABKid     string   `toml:"acme_eab_kid"`           // tls = "acme": key ID of the external account binding (RFC 8555, section 7.3.4)
	ACMEEABKeyFile string   `toml:"acme_eab_hmac_key_file"` // tls = "acme": its HMAC key, base64url in a file
	ACMECAFile     string   `toml:"acme_ca_file"`           // tls = "acme": an extra root for a private CA
	ACMEStorage    string   `toml:"acme_storage"`           // tls = "acme": folder of account and certificate; empty: "acme" beside the database
	PathPrefix     string   `toml:"path_prefix"`            // such as "/acme", behind a proxy
	Registration   string   `toml:"registration"`           // open, restricted or closed
	RegisterFrom   []string `toml:"register_from"`          // restricted: networks that need no token
	TrustedProxies []string `toml:"trusted_proxies"`        // only these may say who is calling; "unix" is whoever connects to a unix socket
	CORSOrigins    []string `toml:"cors_origins"`           // web origins that may call the API
}

// Limits are what one client of the API may take.
type Limits struct {
	Exempt                []string `toml:"exempt"`                  // networks that the rates don't count
	Registrations         Rate     `toml:"registrations"`           // of one IPv4 address or IPv6 /64, without a token
	FailedLogins          Rate     `toml:"failed_logins"`           // of one IPv4 address or IPv6 /64
	Updates               Rate     `toml:"updates"`                 // of one account
	Connections           int      `toml:"connections"`             // HTTP connections in all
	ConnectionsPerAddress int      `toml:"connections_per_address"` // of one IPv4 address or IPv6 /64; trusted proxies aren't counted
}

// Admin is what operators speak to.
type Admin struct {
	Socket string `toml:"socket"` // unix socket of the command line
	Listen string `toml:"listen"` // host:port for metrics and health; empty: none
}

// DNS is the embedded server.
type DNS struct {
	Listen                []string `toml:"listen"`                  // host:port, UDP and TCP on each
	RateLimit             int      `toml:"rate_limit"`              // UDP answers a second to one IPv4 /24 or IPv6 /56; 0: unlimited
	RateLimitSlip         int      `toml:"rate_limit_slip"`         // beyond it, every how manieth is sent cut short, so that TCP is tried; 0: none
	RateLimitExempt       []string `toml:"rate_limit_exempt"`       // networks that aren't counted
	Connections           int      `toml:"connections"`             // TCP connections in all
	ConnectionsPerAddress int      `toml:"connections_per_address"` // of one IPv4 address or IPv6 /64
}

// NSD is an NSD that the zone is handed to.
type NSD struct {
	Use            string   `toml:"use"`             // publish, or attach: acmezone's own zone doesn't go there
	Config         string   `toml:"config"`          // its nsd.conf
	ZoneFile       string   `toml:"zonefile"`        // empty: what nsd.conf says for the zone
	Control        string   `toml:"control"`         // unix socket or host:port; empty: from nsd.conf
	ControlCommand []string `toml:"control_command"` // instead: a command line
	AttachZones    []string `toml:"attach_zones"`    // zones in this NSD that attach may edit
	SnippetDir     string   `toml:"snippet_dir"`     // where attach writes what those include
	AttachMode     string   `toml:"attach_mode"`     // include (a snippet) or inline (the lines themselves)
	AttachSocket   string   `toml:"attach_socket"`   // unix socket of attach-helper, which attaches for the service
}

// Publish is what a 200 proves.
type Publish struct {
	Confirm     []string `toml:"confirm"`     // host:port of who must answer first besides NSD; nil: whom NSD notifies
	Timeout     Duration `toml:"timeout"`     // from a request's arrival
	Unreachable string   `toml:"unreachable"` // one of those that gives no answer at all: skip or fail
}

// Log is what is said, and how.
type Log struct {
	Level  string `toml:"level"`  // debug, info, warn or error
	Format string `toml:"format"` // text or json
	Audit  string `toml:"audit"`  // file of the audit log; empty: none
}

// Default returns a configuration in which every key has its default. Sections that
// a configuration need not have are nil.
func Default() *Config {
	return &Config{
		Zone: Zone{
			TTL: Duration(time.Hour), ChallengeTTL: Duration(time.Second), NegativeTTL: Duration(time.Second),
			ValueLifetime: Duration(24 * time.Hour), MaxValues: 6, SerialPolicy: "unixtime",
		},
		Store: Store{Path: "/var/lib/acmezone/acmezone.db"},
		API: API{
			Listen: []string{"[::]:443"}, TLS: "acme", Registration: "restricted",
			ACMEDirectory: "https://acme-v02.api.letsencrypt.org/directory",
		},
		Limits: Limits{
			Registrations: Rate{100, time.Hour}, FailedLogins: Rate{100, time.Hour}, Updates: Rate{1000, time.Hour},
			Connections: 2048, ConnectionsPerAddress: 1024,
		},
		Admin:   Admin{Socket: "/run/acmezone/admin.sock"},
		Publish: Publish{Timeout: Duration(10 * time.Second), Unreachable: "skip"},
		Log:     Log{Level: "info", Format: "text"},
	}
}

// Publishes reports whether acmezone's own zone goes to this NSD; nil, no NSD, does not.
func (n *NSD) Publishes() bool { return n != nil && n.Use == "publish" }

func defaultDNS() *DNS {
	return &DNS{
		Listen: []string{"[::]:53"}, RateLimit: 200, RateLimitSlip: 2, RateLimitExempt: loopback(),
		Connections: 1024, ConnectionsPerAddress: 512,
	}
}

func defaultNSD() *NSD {
	return &NSD{
		Use: "publish", Config: "/etc/nsd/nsd.conf", SnippetDir: "/var/lib/acmezone/snippets",
		AttachMode: "include", AttachSocket: "/run/acmezone-attach.sock",
	}
}
