package dnsserve

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/acmezone/acmezone/internal/limit"
)

// tcpTimeouts keep TCP clients from holding on to what they don't use.
type tcpTimeouts struct {
	// idle is how long a connection may take to its next complete question
	// (RFC 7766, 6.2.3: a few seconds).
	idle time.Duration
	// busy is the same while over half of the connections are taken.
	busy time.Duration
	// write is how long a client may take to make room for an answer.
	write time.Duration
}

func defaultTimeouts() tcpTimeouts {
	return tcpTimeouts{idle: 10 * time.Second, busy: 2 * time.Second, write: 5 * time.Second}
}

// accept takes TCP connections until the listener is closed. Each gets a
// goroutine, which ends with its connection.
func (s *Server) accept(ctx context.Context, listener *net.TCPListener, counts *counters) {
	var pause backoff
	for {
		conn, err := listener.AcceptTCP()
		if err != nil {
			if errors.Is(err, net.ErrClosed) || !pause.wait(ctx, s.log, "accepting TCP connections", err) {
				return
			}
			continue
		}
		pause.reset()
		s.admit(conn, counts)
	}
}

// admit starts a connection's goroutine, which connections.Wait waits for.
func (s *Server) admit(conn *net.TCPConn, counts *counters) {
	from := conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
	place, ok := s.connections.Admit(conn, from)
	if !ok {
		conn.Close()
		return
	}
	go func() {
		defer place.Release()
		defer conn.Close()
		s.serveTCP(conn, from, place, counts)
	}()
}

// serveTCP answers the questions of one connection, one after the other, until
// the client closes it, is too slow in sending or in reading, or idles, or until
// its place is taken. Questions sent ahead wait in the system's buffer (RFC 7766,
// 6.2.1.1).
//
// A client that takes its time to read an answer is waited for, as much as one
// that takes its time to ask.
func (s *Server) serveTCP(conn net.Conn, from netip.Addr, place *limit.Handle, counts *counters) {
	c := tcpStream{conn: conn, reader: bufio.NewReaderSize(conn, plainSize)}
	for {
		via := transport{tcp: true, idle: s.idle(), from: from}
		packet, err := c.read(via.idle)
		if err != nil || !place.Busy() {
			return
		}
		s.AnswerWaiting()
		via.at = time.Now()
		answer, outcome := s.answer(c.answer[:0], packet, via)
		counts.count(outcome)
		c.answer = answer
		if !place.Waiting() || len(c.answer) > 0 && c.write(c.answer, s.timeouts.write) != nil {
			return
		}
	}
}

// SetConnections has other bounds count, those of Options.Connections and
// ConnectionsPerAddress, but that 0 is none. TCP connections beyond them that nobody is
// answering just then are closed, those that have been idle for longest first. Any
// goroutine may call it.
func (s *Server) SetConnections(total, perAddress int) {
	s.connections.Rebound(total, perAddress)
}

// idle is how long a connection may idle now: less while most are taken.
func (s *Server) idle() time.Duration {
	if s.connections.Crowded() {
		return s.timeouts.busy
	}
	return s.timeouts.idle
}

// tcpStream cuts a connection into messages (RFC 1035, 4.2.2).
type tcpStream struct {
	conn   net.Conn
	reader *bufio.Reader
	packet []byte
	answer []byte
}

// read returns the next message, which must be complete within that time: who
// sends it octet by octet wins nothing. The message lasts until the next read.
func (c *tcpStream) read(within time.Duration) ([]byte, error) {
	if err := c.conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		return nil, err
	}
	var length [2]byte
	if _, err := io.ReadFull(c.reader, length[:]); err != nil {
		return nil, err
	}
	size := int(binary.BigEndian.Uint16(length[:]))
	if cap(c.packet) < size {
		c.packet = make([]byte, size)
	}
	_, err := io.ReadFull(c.reader, c.packet[:size])
	return c.packet[:size], err
}

// write sends a message with its length in one go, so that they travel in one
// segment. It gives up after that time.
func (c *tcpStream) write(message []byte, within time.Duration) error {
	if err := c.conn.SetWriteDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	parts := net.Buffers{binary.BigEndian.AppendUint16(nil, uint16(len(message))), message}
	_, err := parts.WriteTo(c.conn)
	return err
}
