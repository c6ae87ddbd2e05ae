package check

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/miekg/dns"
)

const (
	// askTime bounds one try of a question, connection and all.
	askTime = 2 * time.Second
	// udpTries is how often a datagram is sent: one may get lost.
	udpTries = 2
	// cutOffTries is how often a question is asked whose connection is cut off.
	cutOffTries = 5
	// ednsSize is what servers and resolvers agreed upon in 2020.
	ednsSize = 1232
)

// errNoRoute: this machine can't reach the address, which says nothing of the server.
var errNoRoute = errors.New("no route to it from this machine")

// question is one to ask a server. The zero value of the flags asks as a resolver
// asks the servers of a zone.
type question struct {
	name    string
	rrtype  uint16
	tcp     bool // over TCP from the first
	plain   bool // without EDNS
	dnssec  bool // DO: with signatures
	recurse bool // RD
	trust   bool // CD: data that fail validation, too
}

func (q question) message() *dns.Msg {
	m := new(dns.Msg).SetQuestion(q.name, q.rrtype)
	m.RecursionDesired, m.CheckingDisabled = q.recurse, q.trust
	if !q.plain {
		m.SetEdns0(ednsSize, q.dnssec)
	}
	return m
}

// asker asks DNS servers.
type asker struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// ask returns the answer to a question; one that is truncated is fetched over TCP. An
// answer of any RCODE is none of the errors; errNoRoute is one.
func (a asker) ask(ctx context.Context, server string, q question) (*dns.Msg, error) {
	answer, err := a.once(ctx, server, q)
	if err == nil && answer.Truncated && !q.tcp {
		q.tcp = true
		return a.once(ctx, server, q)
	}
	return answer, err
}

// once takes what comes first, truncated or not.
func (a asker) once(ctx context.Context, server string, q question) (*dns.Msg, error) {
	network := "udp"
	if q.tcp {
		network = "tcp"
	}
	for try := 1; ; try++ {
		answer, err := a.exchange(ctx, network, server, q.message())
		if err == nil || ctx.Err() != nil || !mayBeChance(err, q.tcp, try) {
			return answer, err
		}
	}
}

// mayBeChance reports whether the same question should be asked again: a datagram may get
// lost, and a server that replaces its processes, as NSD does at each reload, cuts off who
// has connected just then. That is no closed port.
func mayBeChance(err error, tcp bool, try int) bool {
	switch {
	case errors.Is(err, errNoRoute):
		return false
	case tcp:
		return try < cutOffTries && (errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.EOF))
	}
	return try < udpTries
}

func (a asker) exchange(ctx context.Context, network, server string, m *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	conn, err := a.dial(ctx, network, server)
	if err != nil {
		return nil, reason(err)
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	conn.SetDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	c := &dns.Conn{Conn: conn, UDPSize: dns.MaxMsgSize}
	if err := c.WriteMsg(m); err != nil {
		return nil, reason(err)
	}
	for {
		answer, err := c.ReadMsg()
		if answer == nil { // one that can't be read isn't nil
			return nil, reason(err)
		}
		if err == nil && answer.Id == m.Id && answer.Response {
			return answer, nil
		}
	}
}

// reason cuts an error of the network down to what an operator must tell apart.
func reason(err error) error {
	switch {
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EAFNOSUPPORT), errors.Is(err, syscall.EADDRNOTAVAIL):
		return errNoRoute
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("refused")
	case errors.Is(err, syscall.EHOSTUNREACH):
		return errors.New("host unreachable")
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return errors.New("no answer")
	}
	return err
}
