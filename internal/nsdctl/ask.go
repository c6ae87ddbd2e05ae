package nsdctl

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zone"
)

// askTime bounds one question, connection and all.
const askTime = 2 * time.Second

// errSilent: nobody is there. A connection that is made and then cut off is something
// else: that happens while a server replaces its processes, or has too many connections.
var (
	errSilent = errors.New("no answer")
	errCutOff = errors.New("the question was cut off")
)

// errTimeout: it gave none for as long as one may take.
var errTimeout = fmt.Errorf("nothing within %v", askTime)

// rcodeError is an answer that holds no data.
type rcodeError struct {
	server string
	rcode  int
	lame   bool // NOERROR, but not as an authority for the zone
}

func (e rcodeError) Error() string {
	if e.lame {
		return e.server + " doesn't answer for the zone with authority"
	}
	return fmt.Sprintf("%s answers %s", e.server, dns.RcodeToString[e.rcode])
}

// asker asks servers for the zone's serial, over TCP, since rate limits apply to UDP,
// and over a connection of its own each time: one that stays would tie the question
// to one process of the server, and hold up its end.
type asker struct {
	apex string
	seen *sightings // what was answered; nil: nobody wants to know
}

// serial returns the serial that a server answers. Errors: those of ask, or an
// rcodeError.
func (a asker) serial(ctx context.Context, server string) (zone.Serial, error) {
	serial, err := a.askSerial(ctx, server)
	if ctx.Err() == nil { // else it wasn't the server that gave up
		a.seen.note(server, serial, err)
	}
	return serial, err
}

func (a asker) askSerial(ctx context.Context, server string) (zone.Serial, error) {
	answer, err := a.ask(ctx, server, a.apex, dns.TypeSOA)
	if err != nil {
		return 0, err
	}
	if answer.Rcode != dns.RcodeSuccess {
		return 0, rcodeError{server: server, rcode: answer.Rcode}
	}
	for _, rr := range answer.Answer {
		if soa, ok := rr.(*dns.SOA); ok && answer.Authoritative {
			return zone.Serial(soa.Serial), nil
		}
	}
	return 0, rcodeError{server: server, lame: true}
}

// ask asks a server one question. Errors: errSilent or errCutOff, with the reason; that
// of ctx where it ended before the server had askTime.
func (a asker) ask(ctx context.Context, server, name string, rrtype uint16) (*dns.Msg, error) {
	asking, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	answer, err := exchange(asking, server, new(dns.Msg).SetQuestion(name, rrtype))
	if err != nil && endedBy(ctx, asking, err) {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, explainSilence(server, err)
	}
	return answer, nil
}

// endedBy reports whether ctx, and not the server, ended a question. A connection's
// deadline may go off a moment before that of the context that it was taken from: who
// looks at ctx in that moment takes a server that answered all the time for a silent one.
func endedBy(ctx, asking context.Context, err error) bool {
	deadline, bounded := ctx.Deadline()
	latest, _ := asking.Deadline()
	if timedOut(err) && bounded && !latest.Before(deadline) {
		<-ctx.Done()
	}
	return ctx.Err() != nil
}

func exchange(ctx context.Context, server string, question *dns.Msg) (*dns.Msg, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	// No port stays taken for a minute after each question.
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // then it stays, no more
	}
	deadline, _ := ctx.Deadline()
	conn.SetDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	question.RecursionDesired = false
	c := &dns.Conn{Conn: conn}
	if err := c.WriteMsg(question); err != nil {
		return nil, err
	}
	answer, err := c.ReadMsg()
	if err == nil && answer.Id != question.Id {
		err = dns.ErrId
	}
	return answer, err
}

// explainSilence cuts an error of the network down to what the operator must tell
// apart.
func explainSilence(server string, err error) error {
	for _, cause := range []error{syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH} {
		if errors.Is(err, cause) {
			return fmt.Errorf("%w from %s: %w", errSilent, server, cause)
		}
	}
	if timedOut(err) {
		return fmt.Errorf("%w from %s: %w", errSilent, server, errTimeout)
	}
	return fmt.Errorf("%w by %s: %w", errCutOff, server, err)
}

func timedOut(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded)
}
