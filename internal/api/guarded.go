package api

import (
	"errors"
	"io"
	"net"
	"net/http"
)

// guarded keeps a connection from being closed for another's sake from when a request is
// complete, body and all, until it is answered.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, ok := r.Context().Value(connectionKey).(*connection)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		conn.between()
		body := &guardedBody{ReadCloser: r.Body, conn: conn}
		defer body.end()
		defer conn.between() // before the connection may be closed for another's sake
		if r.ProtoMajor == 2 {
			body.stream = conn.open(w)
			defer body.stream.end()
		}
		if r.ContentLength == 0 && body.begin() != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = body
		if r.ProtoMajor == 1 && len(r.TransferEncoding) > 0 {
			// There may have been a length as well, which net/http leaves out, and a proxy
			// that went by it takes what follows for a part of this request (RFC 9112, 6.1).
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
		if body.stream != nil {
			body.end()
			body.stream.flush()
		}
	})
}

// giveWay has a connection closed for another's sake as if the request weren't complete: its
// answer is certain, and nothing is lost with it.
func giveWay(r *http.Request) {
	if body, ok := r.Body.(*guardedBody); ok {
		body.end()
	}
}

// guardedBody sees a body's end.
type guardedBody struct {
	io.ReadCloser
	conn   *connection
	stream *stream // nil with HTTP/1
	begun  bool
}

// Read returns net.ErrClosed at the end of a body whose connection is gone.
func (b *guardedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) && b.begin() != nil {
		err = net.ErrClosed
	}
	return n, err
}

func (b *guardedBody) begin() error {
	if b.begun {
		return nil
	}
	err := b.stream.begin()
	if err == nil {
		err = b.conn.begin()
	}
	b.begun = err == nil
	return err
}

func (b *guardedBody) end() {
	if b.begun {
		b.begun = false
		b.stream.wait()
		b.conn.end()
	}
}
