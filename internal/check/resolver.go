package check

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// resolver asks the recursive resolver, each question once. Any number of goroutines
// may use it.
type resolver struct {
	asker  asker
	server string

	mu    sync.Mutex
	asked map[question]func() (*dns.Msg, error)
}

func newResolver(a asker, server string) *resolver {
	return &resolver{asker: a, server: server, asked: make(map[question]func() (*dns.Msg, error))}
}

// data asks for records whether they are validated or not, as what finds its way to
// servers has to.
func (r *resolver) data(ctx context.Context, name string, rrtype uint16) (*dns.Msg, error) {
	return r.ask(ctx, question{name: dns.CanonicalName(name), rrtype: rrtype, trust: true})
}

// valid asks as a CA's resolver would.
func (r *resolver) valid(ctx context.Context, name string, rrtype uint16) (*dns.Msg, error) {
	return r.ask(ctx, question{name: dns.CanonicalName(name), rrtype: rrtype, dnssec: true})
}

// ask returns an error if there is no answer, or none that a resolver should give.
// SERVFAIL is a servfailError.
func (r *resolver) ask(ctx context.Context, q question) (*dns.Msg, error) {
	q.recurse = true
	r.mu.Lock()
	if r.asked[q] == nil {
		r.asked[q] = sync.OnceValues(func() (*dns.Msg, error) { return r.exchange(ctx, q) })
	}
	get := r.asked[q]
	r.mu.Unlock()
	return get()
}

func (r *resolver) exchange(ctx context.Context, q question) (*dns.Msg, error) {
	answer, err := r.asker.ask(ctx, r.server, q)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the resolver %s, asked for %s: %w", r.server, q, err)
	case answer.Rcode == dns.RcodeServerFailure:
		return nil, servfailError{r.server, q}
	case answer.Rcode != dns.RcodeSuccess && answer.Rcode != dns.RcodeNameError:
		return nil, fmt.Errorf("the resolver %s answers %s to %s", r.server, dns.RcodeToString[answer.Rcode], q)
	}
	return answer, nil
}

// servfailError: the resolver couldn't find it out, or doesn't trust what it found.
type servfailError struct {
	resolver string
	q        question
}

func (e servfailError) Error() string {
	return fmt.Sprintf("the resolver %s answers SERVFAIL to %s", e.resolver, e.q)
}

func isServfail(err error) bool {
	var e servfailError
	return errors.As(err, &e)
}

// nothingThere reports whether an answer without the wanted record comes from the zone
// that would have it: then it has that zone's SOA record (RFC 2308, section 2). Without
// one, it may be that of a box that knows no better.
func nothingThere(answer *dns.Msg) bool {
	return slices.ContainsFunc(answer.Ns, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeSOA })
}

// errUnproven: nothingThere is false.
var errUnproven = errors.New("doesn't show who says so (no SOA record)")

func (r *resolver) notProven(q question) error {
	return fmt.Errorf("the resolver %s answers nothing to %s, and %w; name another: acmezone check --resolver ADDRESS", r.server, q, errUnproven)
}

// gaveUp reports whether the error is one of the servers that the resolver asked, not of
// the resolver, which may take longer over it than we wait.
func (r *resolver) gaveUp(ctx context.Context, err error) bool {
	if isServfail(err) {
		return true
	}
	_, dead := r.ask(ctx, alive)
	return err != nil && dead == nil
}

// alive is what resolvers answer by themselves (RFC 6761, 6.3).
var alive = question{name: "localhost.", rrtype: dns.TypeA, recurse: true}

func (q question) String() string { return bare(q.name) + " " + dns.TypeToString[q.rrtype] }

// bare is a name as people write it.
func bare(name string) string {
	if name == "." {
		return name
	}
	return strings.TrimSuffix(name, ".")
}

// host is a name server, or would be if it had an address.
type host struct {
	name  string // with the dot at the end
	addrs []netip.Addr
	err   error // why it has none
}

// server is one address of a name server.
type server struct {
	name string
	addr string // host:port
}

func (s server) String() string {
	address, port, _ := net.SplitHostPort(s.addr)
	if port != "53" {
		address = s.addr
	}
	if s.name == "" {
		return address
	}
	return bare(s.name) + " (" + address + ")"
}

// zoneAbove returns the zone that holds a name: the nearest one, at the name or above
// it, that has an SOA record.
func (r *resolver) zoneAbove(ctx context.Context, name string) (string, error) {
	for name = dns.CanonicalName(name); ; name = parent(name) {
		if r.isAlias(ctx, name) {
			continue
		}
		answer, err := r.data(ctx, name, dns.TypeSOA)
		if err != nil {
			return "", err
		}
		if len(records[*dns.SOA](answer.Answer, name)) > 0 {
			return name, nil
		}
		if name == "." {
			return "", fmt.Errorf("the resolver %s knows no zone that holds it, not even the root", r.server)
		}
	}
}

// isAlias reports whether a CNAME stands at the name. To ask for anything else there is
// to ask the servers of its target, which may be out of order.
func (r *resolver) isAlias(ctx context.Context, name string) bool {
	answer, err := r.data(ctx, name, dns.TypeCNAME)
	return err == nil && len(records[*dns.CNAME](answer.Answer, name)) > 0
}

// parent is the name without its first label.
func parent(name string) string {
	next, end := dns.NextLabel(name, 0)
	if end {
		return "."
	}
	return name[next:]
}

// hosts returns the name servers of a zone with their addresses.
func (r *resolver) hosts(ctx context.Context, zone string) ([]host, error) {
	answer, err := r.data(ctx, zone, dns.TypeNS)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, ns := range records[*dns.NS](answer.Answer, zone) {
		names = append(names, dns.CanonicalName(ns.Ns))
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("the resolver %s finds no name servers of %s", r.server, bare(zone))
	}
	return parallel(names, func(name string) host { return r.host(ctx, name) }), nil
}

// host looks the addresses of a name server up.
func (r *resolver) host(ctx context.Context, name string) host {
	h := host{name: name}
	for _, found := range parallel([]uint16{dns.TypeA, dns.TypeAAAA}, func(rrtype uint16) host { return r.addresses(ctx, name, rrtype) }) {
		h.addrs = append(h.addrs, found.addrs...)
		if found.err != nil {
			h.err = found.err
		}
	}
	return h
}

// addresses returns those of one type.
func (r *resolver) addresses(ctx context.Context, name string, rrtype uint16) host {
	answer, err := r.data(ctx, name, rrtype)
	if err != nil {
		return host{name: name, err: err}
	}
	h := host{name: name}
	for _, rr := range answer.Answer {
		if addr, ok := address(rr); ok {
			h.addrs = append(h.addrs, addr)
		}
	}
	return h
}

// servers returns each address of each host.
func servers(hosts []host) []server {
	var all []server
	for _, h := range hosts {
		for _, addr := range h.addrs {
			all = append(all, server{h.name, netip.AddrPortFrom(addr, 53).String()})
		}
	}
	return all
}

// zoneServers returns the addresses of a zone's name servers.
func (r *resolver) zoneServers(ctx context.Context, zone string) ([]server, error) {
	hosts, err := r.hosts(ctx, zone)
	if err != nil {
		return nil, err
	}
	all := servers(hosts)
	if len(all) == 0 {
		return nil, fmt.Errorf("the resolver %s finds no address of a name server of %s", r.server, bare(zone))
	}
	return all, nil
}

// records returns those of one type and owner.
func records[T dns.RR](section []dns.RR, owner string) []T {
	var all []T
	for _, rr := range section {
		if one, ok := rr.(T); ok && strings.EqualFold(rr.Header().Name, owner) {
			all = append(all, one)
		}
	}
	return all
}

func address(rr dns.RR) (netip.Addr, bool) {
	switch rr := rr.(type) {
	case *dns.A:
		addr, ok := netip.AddrFromSlice(rr.A)
		return addr.Unmap(), ok
	case *dns.AAAA:
		return netip.AddrFromSlice(rr.AAAA)
	}
	return netip.Addr{}, false
}

// resolverSteps find out whether there is a resolver at all: most of the rest needs it.
func (c *checker) resolverSteps() []step {
	return []step{{"resolver", c.Options.Resolver, c.checkResolver}}
}

func (c *checker) checkResolver(ctx context.Context) []Finding {
	f := Finding{Check: "resolver", Subject: c.Options.Resolver, Status: Fault,
		Fix: "mend /etc/resolv.conf, or name another resolver: acmezone check --resolver ADDRESS"}
	answer, err := c.asker.ask(ctx, c.Options.Resolver, alive)
	switch {
	case errors.Is(err, errNoRoute):
		f.Message = "there is no route to it from this machine"
	case err != nil:
		f.Message = fmt.Sprintf("it can't be asked (%v), so what depends on it couldn't be found out", err)
	case answer.Rcode == dns.RcodeRefused || !answer.RecursionAvailable:
		f.Message = "it doesn't look names up for this machine"
	default:
		f.Status, f.Message, f.Fix = OK, "answers", ""
	}
	return []Finding{f}
}
