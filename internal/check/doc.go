// Package check finds out live what keeps certificates from being issued: at the
// parent zone, at each name server of the zone, at the customers' zones, in the
// resolver, and at the service itself. It changes nothing.
//
// It asks as a resolver or a CA would, from outside, and says "ok" only for what it has
// seen; what it couldn't find out is "skipped", with the reason.
package check

import (
	"context"
	"net"
	"time"

	"github.com/acmezone/acmezone/internal/nsdctl"
	"github.com/acmezone/acmezone/internal/zone"
)

// Status is the outcome of one check.
type Status string

// The outcomes, part of the contract of --json.
const (
	OK      Status = "ok"
	Warning Status = "warning" // it works, but not for long, or not as well as it could
	Fault   Status = "fault"   // orders fail, or will for some
	Skipped Status = "skipped" // it couldn't be found out
)

// Finding is what one check found out about one thing.
type Finding struct {
	Check   string `json:"check"`   // the kind, such as "glue"
	Subject string `json:"subject"` // a zone, a domain, a server
	Status  Status `json:"status"`
	Message string `json:"message"` // what was seen, and why it matters
	Fix     string `json:"fix"`     // what to type; empty where nothing is to be done, or where the message says it
}

// Options say what there is to be checked. All but Definition and Resolver may be left
// out.
type Options struct {
	Definition *zone.Definition
	Resolver   string        // host:port of a recursive resolver
	Deadline   time.Duration // for everything; 0: DefaultDeadline

	// Dial opens every connection, unix sockets too; nil: a net.Dialer's.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	Service *Service
	NSD     *nsdctl.Options // nil: the zone isn't handed to an NSD here

	Accounts    Accounts // nil: it isn't known whose domains there are
	AttachZones []string // zones of this machine's NSD that 'acmezone attach' may edit
	CA          string   // URL of the directory of the CA that clients are expected to use
}

// Service is the service that should be running on this machine.
type Service struct {
	Socket string // its admin socket
	// Serial returns the zone's serial as the service, or its database, has it.
	Serial func(ctx context.Context) (zone.Serial, error)
	// Certificate says what the service itself knows of its certificate.
	Certificate func(ctx context.Context) (zone.CertificateStatus, error)

	Listen     string // host:port of its API; empty: not known
	Hostname   string // the API's name in its certificate
	TLS        string // acme, files, self-signed or off
	PathPrefix string // of the API
	RootFile   string // PEM: a CA to be trusted besides the system's; empty: none
	SelfSigned string // where a self-signed certificate is kept
	CertFile   string // api.cert_file
}

// Accounts says whose the domains are; what an operator can ask of a service can
// (api.Admin).
type Accounts interface {
	// FindAccount returns the account of a domain, or of a full name in the zone;
	// zone.ErrNoAccount if there is none.
	FindAccount(ctx context.Context, name string) (zone.Account, error)
	// Accounts returns a page of accounts, by user name.
	Accounts(ctx context.Context, filter zone.AccountFilter) ([]zone.Account, error)
}

// DefaultDeadline is how long all checks together may take.
const DefaultDeadline = 30 * time.Second

// Count returns how many of the findings are of that status.
func Count(findings []Finding, status Status) int {
	n := 0
	for _, f := range findings {
		if f.Status == status {
			n++
		}
	}
	return n
}
