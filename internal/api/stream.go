package api

import (
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/acmezone/acmezone/internal/limit"
)

// stream is a request in an HTTP/2 connection. That may have maxStreams of them, and each
// takes as much memory as a connection with HTTP/1 does, so each has a place among the
// connections, beside the one of its own. The methods of a nil stream do nothing.
type stream struct {
	control *http.ResponseController
	handle  *limit.Handle

	mu    sync.Mutex
	ended bool // the controller may not be used any more
}

// open gives a request a place, closing another if it must. Where there is no room it
// ends the request.
func (c *connection) open(w http.ResponseWriter) *stream {
	s := &stream{control: http.NewResponseController(w)}
	handle, ok := c.all.Admit(s, c.from)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	s.handle = handle
	return s
}

// Close resets the stream, for another's sake: whoever reads its body, or waits for room
// to write its answer, learns of its end.
func (s *stream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil
	}
	return s.control.SetWriteDeadline(time.Unix(1, 0)) // long past, which is at once
}

// begin says that the request is complete.
func (s *stream) begin() error {
	if s != nil && !s.handle.Busy() {
		return net.ErrClosed
	}
	return nil
}

// wait says that the client is waited for, to take its answer.
func (s *stream) wait() {
	if s != nil {
		s.handle.Waiting()
	}
}

// flush returns when the client has made room for the answer: until then the request
// keeps its place.
func (s *stream) flush() {
	_ = s.control.Flush() // a client that has gone needs no answer
}

func (s *stream) end() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.handle.Release()
}
