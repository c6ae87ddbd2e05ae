package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
// servers has to. It asks for signatures as well: without that, systemd-resolved leaves
// the SOA record out of its negative answers.
func (r *resolver) data(ctx context.Context, name string, rrtype uint16) (*dns.Msg, error) {
	return r.ask(ctx, question{name: dns.CanonicalName(name), rrtype: rrtype, dnssec: true, trust: true})
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
