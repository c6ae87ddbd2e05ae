package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// view is what one server of the customer's zone has at the challenge name.
type view struct {
	server server
	kind   viewKind
	target string // kind points: canonical
	said   string // kind silent: what came instead; kind occupied: what stands there
	err    error  // kind silent: why nothing came
	serial uint32 // of the zone there; 0: not known

	negative time.Duration // how long resolvers remember there that something isn't there
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
	j := &judge{c, d, zone, c.bound(ctx, d)}
	var at []server
	if err == nil {
		at, err = c.resolver.zoneServers(ctx, zone)
	}
	if err != nil {
		return []Finding{j.finding(Skipped, fmt.Sprintf("the name servers of its zone couldn't be found: %v", err), "")}
	}
	if zone == c.Definition.Name() {
		return []Finding{j.finding(OK, "lies in acmezone's own zone and needs no CNAME", "")}
	}
	if dns.CountLabel(zone) < 2 {
		return []Finding{j.finding(Fault, fmt.Sprintf("no zone holds it below %s: it isn't registered, or isn't delegated", zone), "see: dig +trace "+d.Name)}
	}
	views := parallel(at, func(s server) view { return c.look(ctx, zone, d, s) })
	findings := silentServers(zone, views)
	views = slices.DeleteFunc(views, func(v view) bool { return v.kind == silent })
	if len(views) == 0 {
		return append(findings, j.finding(Skipped, fmt.Sprintf("no server of %s could be asked", bare(zone)), ""))
	}
	return append(findings, j.judgeViews(ctx, views)...)
}

// judge is what is needed to judge the CNAME of one domain.
type judge struct {
	*checker
	domain Domain
	zone   string // that it lies in
	bound  binding
}

func (j *judge) finding(status Status, message, fix string) Finding {
	return Finding{Check: "cname", Subject: j.domain.Name, Status: status, Message: message, Fix: fix}
}

// look asks for the TXT, as a CA does: a CNAME comes in its place.
func (c *checker) look(ctx context.Context, zone string, d Domain, s server) view {
	v := view{server: s}
	name := d.challengeName()
	answer, err := c.asker.ask(ctx, s.addr, question{name: name, rrtype: dns.TypeTXT})
	if err != nil {
		v.said, v.err = err.Error(), err
		return v
	}
	if soa, err := c.asker.ask(ctx, s.addr, question{name: zone, rrtype: dns.TypeSOA}); err == nil {
		for _, rr := range records[*dns.SOA](soa.Answer, zone) {
			v.serial = rr.Serial
			v.negative = time.Duration(min(rr.Minttl, rr.Hdr.Ttl)) * time.Second // RFC 2308, section 5
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
		if v.kind == silent && !errors.Is(v.err, errNoRoute) {
			findings = append(findings, Finding{Check: "customer server", Subject: v.server.String(), Status: Warning,
				Message: fmt.Sprintf("a name server of %s, but: %s", bare(zone), v.said),
				Fix:     fmt.Sprintf("mend it, or take it out of the NS records of %s", bare(zone))})
		}
	}
	return findings
}

// judgeViews compares what the servers have.
func (j *judge) judgeViews(ctx context.Context, views []view) []Finding {
	by := make(map[viewKind][]view)
	for _, v := range views {
		by[v.kind] = append(by[v.kind], v)
	}
	pointing := by[points]
	switch {
	case len(by[occupied]) > 0:
		return []Finding{j.finding(Fault,
			fmt.Sprintf("%s stands at %s, where the CNAME belongs", by[occupied][0].said, bare(j.domain.challengeName())),
			"delete it from the zone "+bare(j.zone)+", and then: "+j.pointFix())}
	case len(pointing) == 0:
		return []Finding{j.missing()}
	case len(by[nothing]) > 0:
		return []Finding{j.partly(by[nothing][0], pointing[0])}
	case slices.ContainsFunc(pointing, func(v view) bool { return v.target != pointing[0].target }):
		i := slices.IndexFunc(pointing, func(v view) bool { return v.target != pointing[0].target })
		return []Finding{j.disagree(pointing[0], pointing[i])}
	}
	return j.judgeTarget(ctx, pointing)
}

func (j *judge) missing() Finding {
	message := fmt.Sprintf("no server of %s has a CNAME at %s", bare(j.zone), bare(j.domain.challengeName()))
	if j.attached() {
		message += "; a deployment of the zone file may have taken it away again"
	}
	return j.finding(Fault, message, j.pointFix())
}

// partly: a copy of the zone is behind.
func (j *judge) partly(without, with view) Finding {
	return j.finding(Fault,
		fmt.Sprintf("%s has no CNAME at %s yet (serial %d), %s has it (serial %d): a CA may ask either", without.server, bare(j.domain.challengeName()), without.serial, with.server, with.serial),
		j.copyFix(without, with))
}

func (j *judge) disagree(a, b view) Finding {
	return j.finding(Fault,
		fmt.Sprintf("the servers of %s disagree: on %s it leads to %s (serial %d), on %s to %s (serial %d)", bare(j.zone), a.server, bare(a.target), a.serial, b.server, bare(b.target), b.serial),
		j.copyFix(a, b))
}

// copyFix tells a serial that wasn't raised from a transfer that didn't happen.
func (j *judge) copyFix(behind, ahead view) string {
	if behind.serial == ahead.serial {
		return fmt.Sprintf("both have serial %d: raise the serial of %s with every change, and reload its primary", ahead.serial, bare(j.zone))
	}
	return fmt.Sprintf("on the one that is behind type: nsd-control transfer %s; and see why NOTIFY doesn't reach it", bare(j.zone))
}
