package dnsserve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// udpReader is a UDP socket with the buffers of the one goroutine that reads it.
type udpReader struct {
	conn   *net.UDPConn
	packet [maxMessage]byte
	answer [ednsSize]byte
	// control takes the address that a packet was sent to; empty where the socket
	// is bound to one address, which replies leave from anyway.
	control []byte
}

// newUDPReader prepares a socket. One bound to every address would answer from
// whichever address the route suggests, and a client drops a reply that comes
// from another one than it asked: so the system has to say which one that was.
func newUDPReader(conn *net.UDPConn) (*udpReader, error) {
	u := &udpReader{conn: conn}
	if !conn.LocalAddr().(*net.UDPAddr).IP.IsUnspecified() {
		return u, nil
	}
	// A socket of one family refuses the other's option; one for both takes both.
	err6 := ipv6.NewPacketConn(conn).SetControlMessage(ipv6.FlagDst, true)
	err4 := ipv4.NewPacketConn(conn).SetControlMessage(ipv4.FlagDst, true)
	if err6 != nil && err4 != nil {
		return nil, fmt.Errorf("asking for destination addresses: %w", err4)
	}
	u.control = make([]byte, len(ipv4.NewControlMessage(ipv4.FlagDst))+len(ipv6.NewControlMessage(ipv6.FlagDst)))
	return u, nil
}

// another has buffers of its own.
func (u *udpReader) another() *udpReader {
	return &udpReader{conn: u.conn, control: make([]byte, len(u.control))}
}

// serveUDP answers what arrives at one socket until it is closed. It sends each
// answer before it reads on: there is nothing in between that could wait.
//
// One goroutine does, through the runtime's poller. Measured on two processors: a second
// one, at the same socket or at one of its own, takes a tenth more of them for each answer
// and gives no more answers; a thread that waits in the system call is woken sooner where a
// flood of HTTP requests takes all there is, and gives a third fewer answers at other times,
// so there AnswerWaiting helps out; recvmmsg saves a fifth under a flood of questions, and
// costs as much without one.
func (s *Server) serveUDP(ctx context.Context, u *udpReader, counts *counters) {
	var pause backoff
	for {
		size, controlSize, _, from, err := u.conn.ReadMsgUDPAddrPort(u.packet[:], u.control)
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) || !pause.wait(ctx, s.log, "reading from a UDP socket", err) {
				return
			}
			continue
		}
		pause.reset()
		via := transport{from: from.Addr().Unmap(), at: time.Now()}
		answer, outcome := s.answer(u.answer[:0], u.packet[:size], via)
		counts.count(outcome)
		if len(answer) > 0 {
			u.send(answer, source(u.control[:controlSize]), from)
		}
	}
}

// send sends an answer. A failure concerns one client, who asks again: whether the
// socket itself works shows when it is read.
func (u *udpReader) send(answer, control []byte, to netip.AddrPort) {
	_, _, _ = u.conn.WriteMsgUDPAddrPort(answer, control, to)
}

// source turns the control message that came with a packet into one that sends
// the reply from the address asked; nil where there is none. The interface is
// left to the route.
func source(control []byte) []byte {
	if len(control) == 0 {
		return nil
	}
	asked := destination(control)
	if v4 := asked.To4(); v4 != nil { // on a socket for both families too
		return (&ipv4.ControlMessage{Src: v4}).Marshal()
	}
	if asked != nil {
		return (&ipv6.ControlMessage{Src: asked}).Marshal()
	}
	return nil
}

func destination(control []byte) net.IP {
	var m6 ipv6.ControlMessage
	if m6.Parse(control) == nil && m6.Dst != nil {
		return m6.Dst
	}
	var m4 ipv4.ControlMessage
	if m4.Parse(control) == nil {
		return m4.Dst
	}
	return nil
}
