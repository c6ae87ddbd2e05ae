package check_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/check"
	"github.com/acmezone/acmezone/internal/check/checktest"
	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
	"github.com/acmezone/acmezone/internal/zone"
	"github.com/acmezone/acmezone/internal/zonegen"
)

// Addresses that the zones of the bed know.
const (
	parentAddr    = "127.0.1.1" // of all parent zones, and of the root
	primaryAddr   = "127.0.2.1" // of acmezone's zones
	secondaryAddr = "127.0.2.2"
	customerAddr  = "127.0.3.1"
	relayAddr     = "127.0.4.1"
	deadAddr      = "127.0.4.9" // nobody is there
)

// serial is that of acmezone's zones in the bed.
const serial = 2026112401

// own is a zone of acmezone's with its parent.
type own struct {
	label       string   // of the parent: ok gives auth.ok.example
	nameservers []string // default: ns1 in the zone
	records     []string // default: ns1's address
	delegation  string   // what the parent has; default: what acmezone prints
	text        string   // default: what acmezone renders

	above *nsdtest.Zone // the parent as a whole, instead of delegation
}

func (o own) name() string { return "auth." + o.label + ".example" }

func (o own) definition(t testing.TB) *zone.Definition {
	t.Helper()
	spec := zone.Spec{
		Name: o.name(), Nameservers: o.nameservers, Records: o.records,
		TTL: time.Hour, ChallengeTTL: time.Second, NegativeTTL: time.Second,
	}
	if spec.Nameservers == nil {
		spec.Nameservers = []string{"ns1." + o.name()}
	}
	if spec.Records == nil {
		spec.Records = []string{"ns1 A " + primaryAddr}
	}
	def, err := zone.Define(spec)
	if err != nil {
		t.Fatal(err)
	}
	return def
}

// zone is what the name servers of acmezone's zone serve.
func (o own) zone(t testing.TB) nsdtest.Zone {
	t.Helper()
	text := o.text
	if text == "" {
		text = render(t, o.definition(t), serial)
	}
	return nsdtest.Zone{Name: o.name(), File: o.label + ".zone", Text: text}
}

func render(t testing.TB, def *zone.Definition, serial zone.Serial) string {
	t.Helper()
	var file bytes.Buffer
	snap, _ := zone.NewSnapshot(serial-1, 0).Edit().Finish(serial)
	if err := zonegen.Write(&file, def, snap); err != nil {
		t.Fatal(err)
	}
	return file.String()
}

// parent is the zone above it.
func (o own) parent(t testing.TB) nsdtest.Zone {
	t.Helper()
	if o.above != nil {
		return *o.above
	}
	delegation := o.delegation
	if delegation == "" {
		ns, glue := zonegen.Delegation(o.definition(t))
		for _, rr := range append(ns, glue...) {
			delegation += rr.String() + "\n"
		}
	}
	return handWritten(o.label+".example", parentAddr, 1, 3600, delegation)
}

// handWritten is a zone as people keep it.
func handWritten(name, addr string, serial, minimum int, records string) nsdtest.Zone {
	return nsdtest.Zone{Name: name, File: strings.TrimSuffix(name, ".") + ".hand", Text: fmt.Sprintf(
		"$ORIGIN %[1]s.\n$TTL 3600\n@ %[4]d SOA ns hostmaster %[3]d 3600 600 86400 %[4]d\n@ NS ns\nns A %[2]s\n%[5]s\n", strings.TrimSuffix(name, "."), addr, serial, minimum, records)}
}

// root has nothing but the name that all zones lie below.
const root = "$TTL 3600\n. SOA ns.example. hostmaster.example. 1 3600 600 86400 3600\n. NS ns.example.\nns.example. A " + parentAddr + "\n"

// bed is a small internet.
type bed struct {
	parent, primary, secondary, customer *nsdtest.Server

	ports    checktest.Ports
	resolver string
	accounts accounts
}

// bedOptions say which zones there are, besides the root.
type bedOptions struct {
	own       []own
	parents   []nsdtest.Zone // more zones at the parent's server
	customers []nsdtest.Zone
	anchors   []string
}

func newBed(t *testing.T, o bedOptions) *bed {
	t.Helper()
	b := &bed{accounts: accounts{}}
	parents := append([]nsdtest.Zone{{Name: ".", File: "root.zone", Text: root}}, o.parents...)
	var zones []nsdtest.Zone
	for _, own := range o.own {
		parents, zones = append(parents, own.parent(t)), append(zones, own.zone(t))
	}
	b.parent = nsdtest.Start(t, nsdtest.Options{Addr: parentAddr, Zones: parents})
	var secondaries []*nsdtest.Server
	b.primary, secondaries = nsdtest.Family(t, nsdtest.Options{Addr: primaryAddr, Zones: zones}, 1)
	b.secondary = secondaries[0]
	b.customer = nsdtest.Start(t, nsdtest.Options{Addr: customerAddr, Zones: o.customers})
	b.ports = checktest.Ports{
		parentAddr: b.parent.Addr.String(), primaryAddr: b.primary.Addr.String(),
		secondaryAddr: b.secondary.Addr.String(), customerAddr: b.customer.Addr.String(),
	}
	stubs := make(map[string]string)
	point := func(server *nsdtest.Server, zones []nsdtest.Zone) {
		for _, z := range zones {
			stubs[z.Name] = server.Addr.String()
		}
	}
	point(b.customer, o.customers)
	point(b.parent, parents)
	point(b.primary, zones)
	b.resolver = checktest.Unbound(t, stubs, o.anchors...)
	return b
}

func (b *bed) options(def *zone.Definition) check.Options {
	return check.Options{
		Definition: def, Resolver: b.resolver, Dial: b.ports.Dial, Accounts: b.accounts,
		CA: "https://acme-v02.api.letsencrypt.org/directory",
	}
}

// accounts are subdomains by the domain that is bound to them.
type accounts map[string]string

func (a accounts) FindAccount(_ context.Context, name string) (zone.Account, error) {
	for domain, subdomain := range a {
		if name == domain || strings.HasPrefix(name, subdomain+".") {
			return zone.Account{Username: "user-of-" + subdomain, Subdomain: subdomain, Domains: []string{domain}}, nil
		}
	}
	return zone.Account{}, zone.ErrNoAccount
}

func (a accounts) Accounts(context.Context, zone.AccountFilter) ([]zone.Account, error) {
	var all []zone.Account
	for _, domain := range slices.Sorted(maps.Keys(a)) {
		all = append(all, zone.Account{Subdomain: a[domain], Domains: []string{domain}})
	}
	return all, nil
}

// wanted is a finding that there must be.
type wanted struct {
	check   string
	status  check.Status
	message string
	fix     string // a part of it
}

// mustFind wants the finding, and no other fault.
func mustFind(t *testing.T, findings []check.Finding, w wanted) {
	t.Helper()
	found := false
	for _, f := range findings {
		if f.Check == w.check && f.Status == w.status && f.Message == w.message && strings.Contains(f.Fix, w.fix) && (f.Fix != "" || w.fix == "") {
			found = true
		} else if f.Status == check.Fault {
			t.Errorf("a fault that isn't there: %+v", f)
		}
	}
	if !found {
		t.Errorf("not found: %+v", w)
	}
	if t.Failed() {
		show(t, findings)
	}
}

func show(t *testing.T, findings []check.Finding) {
	t.Helper()
	var text bytes.Buffer
	if err := check.WriteText(&text, findings, check.Style{}); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + text.String())
}
