package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// view is what one server of the customer's zone has at the challenge name.
type view struct {
	server server
	kind   viewKind
	target string // kind points: canonical
	said   string // kind silent: what came instead; kind occupied: what stands there
	serial uint32 // of the zone there; 0: not known
}

type viewKind int

const (
	silent   viewKind = iota // no answer, or none with authority
	points                   // a CNAME
	nothing                  // NXDOMAIN or no data
	occupied                 // other data
)

// checkCNAME asks every server of the zone that the domain lies in for the CNAME, and
// then the resolver.
func (c *checker) checkCNAME(ctx context.Context, d Domain) []Finding {
	zone, err := c.resolver.zoneAbove(ctx, d.challengeName())
	var at []server
	if err == nil {
		at, err = c.resolver.zoneServers(ctx, zone)
	}
	if err != nil {
		return []Finding{c.cname(d, Skipped, fmt.Sprintf("the name servers of its zone couldn't be found: %v", err), "")}
	}
	if zone == c.Definition.Name() {
		return []Finding{c.cname(d, OK, "lies in acmezone's own zone and needs no CNAME", "")}
	}
	views := parallel(at, func(s server) view { return c.look(ctx, zone, d, s) })
	findings := silentServers(zone, views)
	views = slices.DeleteFunc(views, func(v view) bool { return v.kind == silent })
	if len(views) == 0 {
		return append(findings, c.cname(d, Skipped, fmt.Sprintf("no server of %s could be asked", bare(zone)), ""))
	}
	return append(findings, c.judgeViews(ctx, zone, d, views)...)
}

func (c *checker) cname(d Domain, status Status, message, fix string) Finding {
	return Finding{Check: "cname", Subject: d.Name, Status: status, Message: message, Fix: fix}
}

// look asks for the TXT, as a CA does: a CNAME comes in its place.
func (c *checker) look(ctx context.Context, zone string, d Domain, s server) view {
	v := view{server: s}
	name := d.challengeName()
	answer, err := c.asker.ask(ctx, s.addr, question{name: name, rrtype: dns.TypeTXT})
	if err != nil {
		v.said = err.Error()
		return v
	}
	if soa, err := c.asker.ask(ctx, s.addr, question{name: zone, rrtype: dns.TypeSOA}); err == nil {
		for _, rr := range records[*dns.SOA](soa.Answer, zone) {
			v.serial = rr.Serial
		}
	}
	cnames := records[*dns.CNAME](answer.Answer, name)
	switch {
	case len(cnames) > 0 && answer.Authoritative:
		v.kind, v.target = points, dns.CanonicalName(cnames[0].Target)
	case len(records[*dns.TXT](answer.Answer, name)) > 0 && answer.Authoritative:
		v.kind, v.said = occupied, "a TXT record"
	case answer.Authoritative && (answer.Rcode == dns.RcodeNameError || answer.Rcode == dns.RcodeSuccess):
		v.kind = nothing
	default:
		v.said = "answers " + dns.RcodeToString[answer.Rcode] + " without authority"
		if answer.Rcode != dns.RcodeSuccess {
			v.said = "answers " + dns.RcodeToString[answer.Rcode]
		}
	}
	return v
}

// silentServers are the customer's own trouble, as long as others answer.
func silentServers(zone string, views []view) []Finding {
	var findings []Finding
	for _, v := range views {
		if v.kind == silent {
			findings = append(findings, Finding{Check: "customer server", Subject: v.server.String(), Status: Warning,
				Message: fmt.Sprintf("a name server of %s, but: %s", bare(zone), v.said),
				Fix:     fmt.Sprintf("mend it, or take it out of the NS records of %s", bare(zone))})
		}
	}
	return findings
}

// judgeViews compares what the servers have.
func (c *checker) judgeViews(ctx context.Context, zone string, d Domain, views []view) []Finding {
	by := make(map[viewKind][]view)
	for _, v := range views {
		by[v.kind] = append(by[v.kind], v)
	}
	pointing := by[points]
	switch {
	case len(by[occupied]) > 0:
		return []Finding{c.cname(d, Fault,
			fmt.Sprintf("%s stands at %s, where the CNAME belongs", by[occupied][0].said, bare(d.challengeName())),
			"delete it from the zone "+bare(zone)+", and then: "+c.pointFix(zone, d))}
	case len(pointing) == 0:
		return []Finding{c.missing(zone, d)}
	case len(by[nothing]) > 0:
		return []Finding{c.partly(zone, d, by[nothing][0], pointing[0])}
	case slices.ContainsFunc(pointing, func(v view) bool { return v.target != pointing[0].target }):
		i := slices.IndexFunc(pointing, func(v view) bool { return v.target != pointing[0].target })
		return []Finding{c.disagree(zone, d, pointing[0], pointing[i])}
	}
	return c.judgeTarget(ctx, zone, d, pointing)
}

func (c *checker) missing(zone string, d Domain) Finding {
	message := fmt.Sprintf("there is no CNAME at %s, on no server of %s", bare(d.challengeName()), bare(zone))
	if c.attached(zone, d) {
		message += "; a deployment of the zone file may have taken it away again"
	}
	return c.cname(d, Fault, message, c.pointFix(zone, d))
}

// partly: a copy of the zone is behind.
func (c *checker) partly(zone string, d Domain, without, with view) Finding {
	return c.cname(d, Fault,
		fmt.Sprintf("%s has no CNAME at %s yet (serial %d), %s has it (serial %d): a CA may ask either", without.server, bare(d.challengeName()), without.serial, with.server, with.serial),
		c.copyFix(zone, without, with))
}

func (c *checker) disagree(zone string, d Domain, a, b view) Finding {
	return c.cname(d, Fault,
		fmt.Sprintf("the servers of %s disagree: on %s it leads to %s (serial %d), on %s to %s (serial %d)", bare(zone), a.server, bare(a.target), a.serial, b.server, bare(b.target), b.serial),
		c.copyFix(zone, a, b))
}

// copyFix tells a serial that wasn't raised from a transfer that didn't happen.
func (c *checker) copyFix(zone string, behind, ahead view) string {
	if behind.serial == ahead.serial {
		return fmt.Sprintf("both have serial %d: raise the serial of %s with every change, and reload its primary", ahead.serial, bare(zone))
	}
	return fmt.Sprintf("on the one that is behind type: nsd-control transfer %s; and see why NOTIFY doesn't reach it", bare(zone))
}

// pointFix is the record to be added, as exactly as it is known.
func (c *checker) pointFix(zone string, d Domain) string {
	bound, err := c.targets()
	target, known := bound[d.Name]
	switch {
	case err != nil || !known:
		return fmt.Sprintf("register it; this prints the record for the zone %s: acmezone cname %s", bare(zone), d.Name)
	case c.attached(zone, d):
		return "acmezone attach " + d.Name
	}
	return fmt.Sprintf("put into the zone %s, and raise its serial: %s IN CNAME %s.", bare(zone), d.challengeName(), target)
}

// attached reports whether the CNAME is one that acmezone may put there itself.
func (c *checker) attached(zone string, d Domain) bool {
	bound, _ := c.targets()
	return bound[d.Name] != "" && slices.ContainsFunc(c.AttachZones, func(z string) bool {
		return strings.EqualFold(bare(z), bare(zone))
	})
}

// judgeTarget follows the CNAME to its end.
func (c *checker) judgeTarget(ctx context.Context, zone string, d Domain, views []view) []Finding {
	chain, err := c.follow(ctx, views[0].target)
	switch end := chain[len(chain)-1]; {
	case errors.Is(err, errLoop):
		return []Finding{c.cname(d, Fault,
			fmt.Sprintf("the CNAMEs lead in a circle: %s", arrows(append([]string{d.challengeName()}, chain...))), "end the circle: "+c.pointFix(zone, d))}
	case errors.Is(err, errLong):
		return []Finding{c.cname(d, Fault,
			fmt.Sprintf("the chain of CNAMEs from %s has more than %d links: CAs and resolvers give up", bare(d.challengeName()), longestChain), "lead it there directly: "+c.pointFix(zone, d))}
	case err != nil:
		return []Finding{c.cname(d, Skipped, fmt.Sprintf("it leads to %s, which couldn't be followed: %v", bare(views[0].target), err), "")}
	case !c.ours(end):
		return []Finding{c.cname(d, Fault,
			fmt.Sprintf("%s leads to %s, outside of %s: values that are set here are not found", bare(d.challengeName()), arrows(chain), bare(c.Definition.Name())), "replace it: "+c.pointFix(zone, d))}
	default:
		return c.judgeAccount(ctx, zone, d, views, end)
	}
}

// judgeAccount compares the name in our zone with the one that belongs to the domain.
func (c *checker) judgeAccount(ctx context.Context, zone string, d Domain, views []view, end string) []Finding {
	bound, err := c.targets()
	want, known := bound[d.Name]
	owner, owned := bound.domain(end)
	f := c.cname(d, OK, fmt.Sprintf("leads to %s on all %d servers of %s", bare(end), len(views), bare(zone)), "")
	if len(views) == 1 {
		f.Message = fmt.Sprintf("leads to %s on the server of %s", bare(end), bare(zone))
	}
	switch {
	case known && !strings.EqualFold(want, bare(end)):
		f.Status, f.Fix = Fault, "replace it: "+c.pointFix(zone, d)
		f.Message = fmt.Sprintf("leads to %s, which is not the account bound to this domain (%s)", bare(end), want)
		if owned {
			f.Message = fmt.Sprintf("leads to %s, the account of %s, not the one bound to this domain (%s)", bare(end), owner, want)
		}
		return []Finding{f}
	case err != nil:
		f.Message += fmt.Sprintf("; whether that is its account couldn't be found out: %v", err)
		f.Status = Skipped
	case !known && owned:
		f.Message += "; that is the account of " + owner
	case !known && c.Accounts != nil:
		f.Message += "; no account is bound to this domain, so whether it is the right one is for you to know"
	}
	return []Finding{f, c.checkCache(ctx, zone, d, views[0].target)}
}
