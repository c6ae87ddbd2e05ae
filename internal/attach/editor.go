package attach

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/audit"
	"github.com/acmezone/acmezone/internal/nsdctl"
	"github.com/acmezone/acmezone/internal/zone"
)

// Editor edits zones of an NSD. It may be used by any number of goroutines and
// processes: edits of one zone wait for each other.
type Editor struct {
	NSD        nsdctl.Server
	Zones      []string // those that may be edited; the order doesn't matter
	SnippetDir string   // where what they include is written
	Inline     bool     // the CNAMEs go into the zone files themselves
	Apex       string   // acmezone's own zone: CNAMEs lead to names in it

	SkipSilent bool          // a secondary that gives no answer at all is passed over
	Patience   time.Duration // for each proof; 0: 20 seconds
	LockWait   time.Duration // for an edit that is under way; 0: 15 seconds
	DryRun     bool          // report what would be changed, and change nothing
	Now        func() time.Time

	Audit *audit.Log // nil: none
	Who   audit.Who  // asks for the edits, for the audit log
	Via   string     // which way, for the audit log

	// hook is called after each step, for tests: an error ends the edit there.
	hook func(step string) error
}

const (
	defaultPatience = 20 * time.Second
	defaultLockWait = 15 * time.Second
)

// Binding is a domain and where the CNAME at its _acme-challenge leads.
type Binding struct {
	Domain string `json:"domain"` // lower case, A-labels, no dot at the end, no "*."
	Target string `json:"target"` // absolute or without the dot at the end
}

// Attacher is what the service does with customers' zones: itself, or through the helper.
type Attacher interface {
	// Attach returns nil when NSD and its secondaries answer the CNAME.
	Attach(ctx context.Context, domain, target string) error
	// Detach returns nil when none of them does any more.
	Detach(ctx context.Context, domain string) error
}

// Result is what became of one zone.
type Result struct {
	Zone      string      `json:"zone"`
	Domains   []string    `json:"domains"`
	Serial    zone.Serial `json:"serial"`    // that of the file now
	Changes   []Change    `json:"-"`         // files that were changed, or would be
	Confirmed []string    `json:"confirmed"` // servers that answer it, NSD first
	Warnings  []string    `json:"warnings"`
}

// Change is that of one file.
type Change struct {
	Path     string
	Name     string // relative to the top of its git work tree, or else to NSD's zonesdir
	Old, New []byte // nil: there is no such file
	Snippet  bool   // it is acmezone's own
}

// Attach puts one CNAME in place.
func (e *Editor) Attach(ctx context.Context, domain, target string) error {
	_, err := e.AttachAll(ctx, []Binding{{domain, target}})
	return err
}

// Detach takes one out again.
func (e *Editor) Detach(ctx context.Context, domain string) error {
	_, err := e.DetachAll(ctx, []string{domain})
	return err
}

// AttachAll puts CNAMEs in place, with one edit for each zone. If it fails for one zone
// the others are edited nevertheless. A zone that has all of them isn't changed; that it
// is served is proved all the same.
func (e *Editor) AttachAll(ctx context.Context, bindings []Binding) ([]Result, error) {
	jobs := make(map[string]*request)
	for _, b := range bindings {
		target, err := e.checkTarget(b.Target)
		if err == nil {
			err = e.enlist(jobs, b.Domain, &dns.CNAME{Target: target})
		}
		if err != nil {
			return nil, e.refuse("attach", b.Domain, b.Target, err)
		}
	}
	return e.perform(ctx, jobs)
}

// DetachAll takes them out again.
func (e *Editor) DetachAll(ctx context.Context, domains []string) ([]Result, error) {
	jobs := make(map[string]*request)
	for _, domain := range domains {
		if err := e.enlist(jobs, domain, nil); err != nil {
			return nil, e.refuse("detach", domain, "", err)
		}
	}
	return e.perform(ctx, jobs)
}

// request is what is to be done with one zone.
type request struct {
	zone    string // absolute
	domains []string
	wanted  map[string]*dns.CNAME // by owner; nil: none
}

// ttl of the CNAMEs. They stay for years; should one have to lead elsewhere, resolvers
// notice within the hour.
const ttl = 3600

// enlist adds a domain to the request of its zone.
func (e *Editor) enlist(jobs map[string]*request, domain string, cname *dns.CNAME) error {
	apex, err := e.zoneOf(domain)
	if err != nil {
		return err
	}
	r := jobs[apex]
	if r == nil {
		r = &request{zone: apex, wanted: make(map[string]*dns.CNAME)}
		jobs[apex] = r
	}
	owner := zone.ChallengeOwner(domain)
	if cname != nil {
		cname.Hdr = dns.RR_Header{Name: owner, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: ttl}
	}
	before, twice := r.wanted[owner]
	if !twice {
		r.domains = append(r.domains, domain)
	} else if cname != nil && before.Target != cname.Target {
		return fmt.Errorf("%s is to lead to %s and to %s: one name has one CNAME", owner, before.Target, cname.Target)
	}
	r.wanted[owner] = cname
	return nil
}

func (e *Editor) perform(ctx context.Context, jobs map[string]*request) ([]Result, error) {
	var results []Result
	var errs []error
	for _, apex := range sortedKeys(jobs) {
		result, err := e.edit(ctx, jobs[apex])
		e.tell(jobs[apex], err)
		if err != nil {
			errs = append(errs, fmt.Errorf("zone %s: %w", zoneName(apex), err))
		}
		if result != nil {
			results = append(results, *result)
		}
	}
	return results, errors.Join(errs...)
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (e *Editor) now() time.Time {
	if e.Now != nil {
		return e.Now()
	}
	return time.Now()
}

// step is where a test may break off.
func (e *Editor) step(name string) error {
	if e.hook == nil {
		return nil
	}
	return e.hook(name)
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}
