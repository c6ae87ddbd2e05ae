package api_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// TestStopHearsNewcomersOut: who has been let in before the stop and sends the request
// after it is answered; who is silent holds up nothing.
func TestStopHearsNewcomersOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startTimeless(t, nil, nil)
		newcomer := b.dial()
		b.dial()                             // who is silent
		b.ask(http.MethodGet, "/health", "") // both before were accepted before this
		stopped := make(chan struct{})
		go func() {
			b.stop()
			close(stopped)
		}()
		for { // until it takes no more connections
			conn, err := b.network(t.Context(), "tcp", b.addr)
			if err != nil {
				break
			}
			conn.Close()
		}
		fmt.Fprintf(newcomer, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
		response, err := http.ReadResponse(bufio.NewReader(newcomer), nil)
		if err != nil || response.StatusCode != http.StatusOK {
			t.Errorf("%v, %+v", err, response)
		}
		newcomer.Close()
		select {
		case <-stopped:
		case <-time.After(20 * time.Second):
			t.Error("a connection that says nothing holds up the stop")
		}
	})
}

func (b *bed) dial() net.Conn {
	b.t.Helper()
	conn, err := b.network(b.t.Context(), "tcp", b.addr)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { conn.Close() })
	return conn
}
