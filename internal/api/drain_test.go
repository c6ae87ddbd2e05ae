package api_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"
)

// TestStopHearsNewcomersOut: who has been let in before the stop and sends the request
// after it is answered; who is silent holds up nothing.
func TestStopHearsNewcomersOut(t *testing.T) {
	b := start(t, nil)
	newcomer, silent := b.dial(), b.dial()
	defer silent.Close()
	b.ask(http.MethodGet, "/health", "") // both before were accepted before this
	stopped := make(chan struct{})
	go func() {
		b.stop()
		close(stopped)
	}()
	for { // until it takes no more connections
		conn, err := net.Dial("tcp", b.addr)
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
}

func (b *bed) dial() net.Conn {
	b.t.Helper()
	conn, err := net.Dial("tcp", b.addr)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { conn.Close() })
	return conn
}
