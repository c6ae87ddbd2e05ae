package check

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zone"
	"github.com/acmezone/acmezone/internal/zonegen"
)

// zoneSteps are the checks of the zone itself.
func (c *checker) zoneSteps() []step {
	apex := bare(c.Definition.Name())
	return []step{
		{"delegation", apex, c.checkDelegation},
		{"server", apex, c.checkServers},
		{"dnssec", apex, c.checkOwnDNSSEC},
	}
}

// zoneHosts are the zone's name servers: those in the zone have the addresses of
// zone.records, the others what the resolver finds.
func (c *checker) zoneHosts(ctx context.Context) []host {
	ns, glue := zonegen.Delegation(c.Definition)
	return parallel(ns, func(rr dns.RR) host {
		name := dns.CanonicalName(rr.(*dns.NS).Ns)
		if dns.IsSubDomain(c.Definition.Name(), name) {
			return host{name: name, addrs: addressesOf(name, glue)}
		}
		return c.resolver.host(ctx, name)
	})
}

// checkServers asks every address of every name server of the zone, and the NSD of this
// machine with those that it notifies; then their serials are compared.
func (c *checker) checkServers(ctx context.Context) []Finding {
	hosts := c.zoneHosts(ctx)
	all, findings := c.nsdServers(ctx)
	for _, h := range hosts {
		if len(h.addrs) == 0 {
			findings = append(findings, c.homeless(h))
		}
	}
	all = unique(append(servers(hosts), all...))
	states := parallel(all, func(s server) state { return c.examine(ctx, s) })
	for i, found := range c.compareSerials(ctx, states) {
		findings = append(findings, summary(states[i], append(states[i].findings, found...))...)
	}
	return findings
}

// unique leaves out a server whose address is there already.
func unique(all []server) []server {
	var kept []server
	seen := make(map[string]bool)
	for _, s := range all {
		if !seen[s.addr] {
			kept = append(kept, s)
		}
		seen[s.addr] = true
	}
	return kept
}

// homeless is a name server without an address; for those in the zone, the check of
// the glue says more.
func (c *checker) homeless(h host) Finding {
	f := Finding{Check: "server", Subject: bare(h.name), Status: Fault, Message: "it has no address",
		Fix: fmt.Sprintf("give %s an A or AAAA record, or take it out of zone.nameservers", bare(h.name))}
	if h.err != nil {
		f.Status, f.Message, f.Fix = Skipped, fmt.Sprintf("its address couldn't be looked up: %v", h.err), ""
	}
	if dns.IsSubDomain(c.Definition.Name(), h.name) {
		f.Fix = "add its A or AAAA record to zone.records"
	}
	return f
}

// state is what came of asking one server.
type state struct {
	server   server
	udp, tcp reply
	plain    bool         // over UDP it answers only where there is no EDNS
	serial   *zone.Serial // nil: it answers none
	findings []Finding
}

// reply is an answer, or why there is none.
type reply struct {
	*dns.Msg
	err error
}

func (st *state) note(status Status, check, message, fix string) {
	st.findings = append(st.findings, Finding{check, st.server.String(), status, message, fix})
}

// examine asks one server as resolvers do.
func (c *checker) examine(ctx context.Context, s server) state {
	st := state{server: s}
	both := parallel([]bool{false, true}, func(tcp bool) reply { return c.askSOA(ctx, s, question{tcp: tcp}) })
	st.udp, st.tcp = both[0], both[1]
	if errors.Is(st.udp.err, errNoRoute) {
		st.note(Skipped, "server", errNoRoute.Error(), "")
		return st
	}
	c.tryWithoutEDNS(ctx, &st)
	st.judgeTransports()
	answer := st.udp
	if answer.err != nil {
		answer = st.tcp
	}
	if answer.err == nil && c.judgeSOA(&st, answer.Msg) {
		c.checkIdle(ctx, &st)
	}
	return st
}

func (c *checker) askSOA(ctx context.Context, s server, q question) reply {
	q.name, q.rrtype = c.Definition.Name(), dns.TypeSOA
	answer, err := c.asker.once(ctx, s.addr, q)
	return reply{answer, err}
}

// tryWithoutEDNS asks again as in 1987, where the question with EDNS went wrong.
func (c *checker) tryWithoutEDNS(ctx context.Context, st *state) {
	if st.udp.err == nil && st.udp.Rcode != dns.RcodeFormatError && st.udp.Rcode != dns.RcodeNotImplemented && st.udp.Rcode != dns.RcodeBadVers {
		return
	}
	plain := c.askSOA(ctx, st.server, question{plain: true})
	if plain.err != nil || st.udp.err == nil && plain.Rcode == st.udp.Rcode {
		return
	}
	what := "gives no answer to a question with EDNS, and answers without"
	if st.udp.err == nil {
		what = fmt.Sprintf("answers %s to a question with EDNS, and answers without", dns.RcodeToString[st.udp.Rcode])
	}
	st.note(Fault, "edns", what+": resolvers lose seconds, or give up", "let DNS with EDNS (RFC 6891) through the firewall or load balancer in front of it, or renew the server's software")
	st.udp, st.plain = plain, true
}

// judgeTransports wants UDP and TCP.
func (st *state) judgeTransports() {
	udpErr, tcpErr := st.udp.err, st.tcp.err
	switch {
	case udpErr != nil && tcpErr != nil:
		st.note(Fault, "server", fmt.Sprintf("nothing answers there: UDP: %v, TCP: %v", udpErr, tcpErr),
			fmt.Sprintf("start the name server, or open port 53 (UDP and TCP) to it; try: dig @%s . SOA%s", hostOf(st.server.addr), overIPv6(st.server)))
	case tcpErr != nil:
		st.note(Fault, "tcp", fmt.Sprintf("answers over UDP, not over TCP (%v): an answer that is too long for UDP is lost, and CAs ask with 512 octets", tcpErr),
			"open TCP port 53 to it in the firewall, as UDP is")
	case udpErr != nil:
		st.note(Fault, "udp", fmt.Sprintf("answers over TCP, not over UDP (%v): resolvers ask over UDP", udpErr),
			"open UDP port 53 to it in the firewall, as TCP is")
	}
}

// overIPv6 reminds of what may be missing on this side.
func overIPv6(s server) string {
	if at, err := netip.ParseAddrPort(s.addr); err != nil || at.Addr().Is4() {
		return ""
	}
	return " (if this machine has no IPv6, from one that has)"
}

// judgeSOA reports whether the server answers for the zone with authority.
func (c *checker) judgeSOA(st *state, answer *dns.Msg) bool {
	apex := c.Definition.Name()
	if soas := records[*dns.SOA](answer.Answer, apex); len(soas) > 0 && answer.Authoritative {
		serial := zone.Serial(soas[0].Serial)
		st.serial = &serial
		return true
	}
	switch {
	case answer.Rcode == dns.RcodeServerFailure:
		st.note(Fault, "lame", "answers SERVFAIL: it knows the zone and has no data of it, since a transfer failed or its file can't be read",
			fmt.Sprintf("look into its log; on a secondary with NSD type: nsd-control force_transfer %s", bare(apex)))
	case answer.Rcode == dns.RcodeRefused:
		st.note(Fault, "lame", "answers REFUSED: it doesn't know the zone",
			"add the zone there: 'acmezone nsd-conf --for-secondary ADDRESS-OF-THE-PRIMARY' prints the clause for NSD; or take it out of zone.nameservers and of the parent zone")
	default:
		st.note(Fault, "lame", fmt.Sprintf("answers %s, and not as an authority for the zone: it doesn't have it", dns.RcodeToString[answer.Rcode]),
			"add the zone there: 'acmezone nsd-conf --for-secondary ADDRESS-OF-THE-PRIMARY' prints the clause for NSD; or take it out of zone.nameservers and of the parent zone")
	}
	return false
}

// checkIdle asks for a name that has no value: it must be there all the same, or else
// resolvers remember that it isn't when a value is set.
func (c *checker) checkIdle(ctx context.Context, st *state) {
	name := strings.ToLower("check-"+rand.Text()[:10]) + "." + c.Definition.Name()
	answer, err := c.asker.ask(ctx, st.server.addr, question{name: name, rrtype: dns.TypeTXT, tcp: st.udp.err != nil, plain: st.plain})
	switch {
	case err != nil:
		st.note(Skipped, "idle name", fmt.Sprintf("a question for a name without a value was not answered: %v", err), "")
	case answer.Rcode == dns.RcodeNameError:
		st.note(Fault, "idle name", "answers NXDOMAIN for a name without a value: resolvers that ask too early remember that, and miss the value",
			"let it serve the zone as acmezone writes it ('acmezone zone' prints it), with the wildcard record")
	case answer.Rcode != dns.RcodeSuccess:
		st.note(Fault, "idle name", fmt.Sprintf("answers %s for a name without a value", dns.RcodeToString[answer.Rcode]), "look into its log")
	}
}

// summary says ok in one line where nothing is wrong with a server.
func summary(st state, findings []Finding) []Finding {
	if len(findings) > 0 || st.serial == nil {
		return findings
	}
	return []Finding{{Check: "server", Subject: st.server.String(), Status: OK,
		Message: fmt.Sprintf("answers over UDP and TCP, serial %d", *st.serial)}}
}
