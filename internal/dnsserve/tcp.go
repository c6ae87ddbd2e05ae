package dnsserve

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"
)

// accept takes TCP connections until the listener is closed. Each gets a
// goroutine, which ends with its connection.
func (s *Server) accept(ctx context.Context, listener *net.TCPListener) {
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
		s.connections.start(conn, s.serveTCP)
	}
}

// serveTCP answers the questions of one connection, one after the other, until
// the client closes it, is too slow in sending or in reading, or idles. Questions
// sent ahead wait in the system's buffer (RFC 7766, 6.2.1.1).
func (s *Server) serveTCP(conn net.Conn) {
	c := tcpStream{conn: conn, reader: bufio.NewReaderSize(conn, plainSize)}
	for {
		via := transport{tcp: true, idle: s.connections.idle()}
		packet, err := c.read(via.idle)
		if err != nil {
			return
		}
		c.answer = s.answer(c.answer[:0], packet, via)
		if len(c.answer) > 0 && c.write(c.answer, s.connections.limits.write) != nil {
			return
		}
	}
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
