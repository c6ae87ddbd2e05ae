package dnsserve

import (
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zone"
)

// SelfTest has the server asked for its SOA over each of its UDP sockets, as anybody may
// ask, and returns nil, or which one does not answer before ctx is done. Where ready says
// so, the answer has to have reached the serial published; else any answer will do. Any
// number of goroutines may call it.
func (s *Server) SelfTest(ctx context.Context, published zone.Serial, ready bool) error {
	apex, _, err := dns.UnpackDomainName(s.version.Load().static.apex, 0)
	if err != nil {
		return err
	}
	for _, addr := range s.Addrs() {
		q := selfQuestion{servers: reachable(addr), zone: apex, least: published, ready: ready, cookie: s.ownCookie}
		if err := q.ask(ctx); err != nil {
			return fmt.Errorf("the embedded server at %s: %w", addr, err)
		}
	}
	return nil
}

// reachable returns the addresses at which this machine may reach one that is bound, the
// best first: a socket for every address is at the loopback one as well.
func reachable(addr netip.AddrPort) []netip.AddrPort {
	v4 := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), addr.Port())
	switch {
	case !addr.Addr().IsUnspecified():
		return []netip.AddrPort{addr}
	case addr.Addr().Is4():
		return []netip.AddrPort{v4}
	}
	return []netip.AddrPort{netip.AddrPortFrom(netip.IPv6Loopback(), addr.Port()), v4}
}

// selfQuestion is a question for the zone's SOA.
type selfQuestion struct {
	servers []netip.AddrPort // the first that there is a way to is asked
	zone    string
	least   zone.Serial // what the answer has to have reached
	ready   bool        // something is published, so the answer has to have a serial
	// cookie makes the COOKIE option of a question from that address; nil: there is none.
	cookie func(from netip.Addr) []byte
}

// soaRetry is how soon the question is sent again: under a flood of others most are lost,
// and that is nothing that a restart mends.
const soaRetry = 100 * time.Millisecond

// ask sends the question until it is answered, and returns why it was not, or what is
// wrong with the answer.
func (q selfQuestion) ask(ctx context.Context) error {
	conn, err := q.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	wire := &dns.Conn{Conn: conn}
	question := q.message(conn.LocalAddr())
	for ctx.Err() == nil {
		if err = wire.SetDeadline(time.Now().Add(soaRetry)); err != nil {
			return err
		}
		if err = wire.WriteMsg(question); err == nil {
			var answer *dns.Msg
			if answer, err = wire.ReadMsg(); err == nil && answer.Id == question.Id {
				return q.judge(answer)
			}
		}
		q.pause(ctx, err)
	}
	return fmt.Errorf("it has not answered its SOA in time (%v)", err)
}

// message has a server cookie, so that the rate limit doesn't count it.
func (q selfQuestion) message(from net.Addr) *dns.Msg {
	m := new(dns.Msg).SetQuestion(q.zone, dns.TypeSOA)
	if at, ok := from.(*net.UDPAddr); ok && q.cookie != nil {
		m.SetEdns0(dns.MinMsgSize, false)
		octets := hex.EncodeToString(q.cookie(at.AddrPort().Addr().Unmap()))
		m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: octets})
	}
	return m
}

// dial fails at once for an address that this machine doesn't have, such as ::1 where IPv6
// is switched off.
func (q selfQuestion) dial(ctx context.Context) (conn net.Conn, err error) {
	var dialer net.Dialer
	for _, server := range q.servers {
		if conn, err = dialer.DialContext(ctx, "udp", server.String()); err == nil {
			break
		}
	}
	return conn, err
}

// pause keeps an error that comes at once, such as a refusal, from being had without end.
func (q selfQuestion) pause(ctx context.Context, err error) {
	if timeout, ok := err.(net.Error); err == nil || ok && timeout.Timeout() {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(soaRetry):
	}
}

// judge takes an answer that was cut short for a good one: a server that limits its rate
// answers so, and it answers.
func (q selfQuestion) judge(answer *dns.Msg) error {
	if !q.ready || answer.Truncated {
		return nil
	}
	for _, rr := range answer.Answer {
		if soa, ok := rr.(*dns.SOA); ok && zone.Serial(soa.Serial).Reached(q.least) {
			return nil
		}
	}
	return fmt.Errorf("it answers its SOA with %s, and serial %d is published", dns.RcodeToString[answer.Rcode], q.least)
}
