package api_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
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

// TestStopLosesNoRequestOfAKeptConnection: clients that ask again and again over the same
// connections of HTTP/1.1 notice nothing of a stop but that an answer was the last one.
func TestStopLosesNoRequestOfAKeptConnection(t *testing.T) {
	b := start(t, nil)
	const clients = 8
	lost := make(chan error, clients)
	var busy sync.WaitGroup
	busy.Add(clients)
	for range clients {
		conn := b.dial()
		go func() { lost <- askUntilTheLast(conn, &busy) }()
	}
	busy.Wait()
	b.stop()
	for range clients {
		if err := <-lost; err != nil {
			t.Error(err)
		}
	}
}

// askUntilTheLast asks over a connection until an answer says that it was the last. After
// some answers the client counts as busy.
func askUntilTheLast(conn net.Conn, busy *sync.WaitGroup) error {
	answers := bufio.NewReader(conn)
	for n := 0; ; n++ {
		if n == 20 {
			busy.Done()
		}
		fmt.Fprintf(conn, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			return fmt.Errorf("request %d: %w", n, err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil || response.Close {
			return err
		}
		time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond) // a pause that a stop may fall into
	}
}
