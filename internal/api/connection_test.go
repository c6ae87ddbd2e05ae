package api_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/api"
	"github.com/acmezone/acmezone/internal/zone"
)

// holding is a pipeline that publishes when it is let.
type holding struct {
	api.Changes
	begun, let chan struct{}
}

func (h holding) Publish(ctx context.Context, change zone.Change) error {
	h.begun <- struct{}{}
	<-h.let
	return h.Changes.Publish(ctx, change)
}

// hang opens connections that send that much of a request and then nothing.
func (b *bed) hang(n int, source, text string) {
	b.t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}
	for range n {
		conn, err := dialer.Dial("tcp", b.addr)
		if err != nil {
			b.t.Fatal(err)
		}
		b.t.Cleanup(func() { conn.Close() })
		_, _ = io.WriteString(conn, text) // its end may be there already
	}
}

// TestSlowClientsGiveWay: there is room for 256 connections of one client and 512 in all,
// and more of them hang at each stage of a request.
func TestSlowClientsGiveWay(t *testing.T) {
	b := start(t, nil)
	b.http.Transport = &http.Transport{DisableKeepAlives: true} // those are given up as well
	c := b.register("")
	for _, text := range []string{
		"", "POST /upd", "POST /update HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
		"POST /update HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", "GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
	} {
		b.hang(300, "127.0.0.1", text)
		b.hang(300, "127.0.0.2", text)
		b.want(text, b.update(c, txt(c)), 200, `{"txt": "`+challenge+`"}`)
	}
}

// TestWhatIsWorkedOnIsNotGivenUp for those that come meanwhile, over HTTP/1 and 2.
func TestWhatIsWorkedOnIsNotGivenUp(t *testing.T) {
	second := &http.Transport{Protocols: new(http.Protocols)}
	second.Protocols.SetUnencryptedHTTP2(true)
	for name, transport := range map[string]*http.Transport{"HTTP/1": {}, "HTTP/2": second} {
		t.Run(name, func(t *testing.T) {
			held := holding{begun: make(chan struct{}), let: make(chan struct{})}
			b := start(t, func(o *api.Options) { held.Changes = o.Changes; o.Changes = held })
			b.http.Transport = transport
			c := b.register("")
			answered := make(chan answer)
			go func() { answered <- b.update(c, txt(c)) }()
			<-held.begun
			b.hang(300, "127.0.0.1", "POST /upd")
			b.hang(300, "127.0.0.2", "POST /upd")
			if got := b.sendFrom("127.0.0.1", "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"); !strings.HasPrefix(got, "200 ") {
				t.Errorf("health, by when all the others have been let in: %q", got)
			}
			close(held.let)
			b.want("update", <-answered, 200, `{"txt": "`+challenge+`"}`)
		})
	}
}

// TestHeldRefusalsGiveWay: wrong passwords whose refusals take their time have all the
// places, over HTTP/1 and 2, and keep nobody out.
func TestHeldRefusalsGiveWay(t *testing.T) {
	for name, guess := range map[string]func(b *bed, source string, wrong credentials){
		"HTTP/1": func(b *bed, source string, wrong credentials) { b.hang(256, source, updateText(wrong)) },
		"HTTP/2": func(b *bed, source string, wrong credentials) { b.hangStreams(254, source, wrong) }, // in two connections
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, func(o *api.Options) { o.Limits.RefusalTime = 15 * time.Second })
			b.http.Transport = &http.Transport{DisableKeepAlives: true} // those are given up as well
			c := b.register("")
			wrong := credentials{Username: c.Username, Password: c.Subdomain, Subdomain: c.Subdomain}
			guess(b, "127.0.0.2", wrong)
			guess(b, "127.0.0.3", wrong)
			b.eventually("all places are taken", func() bool { now := b.places.Stats(); return now.Open == 512 || now.Evicted > 0 })
			b.want("update", b.update(c, txt(c)), 200, `{"txt": "`+challenge+`"}`)
		})
	}
}

// hangStreams sends updates over HTTP/2 and waits for none of them.
func (b *bed) hangStreams(n int, source string, c credentials) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}
	second := &http.Transport{Protocols: new(http.Protocols), DialContext: dialer.DialContext}
	second.Protocols.SetUnencryptedHTTP2(true)
	ctx, cancel := context.WithCancel(b.t.Context())
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			request, _ := http.NewRequestWithContext(ctx, "POST", "http://"+b.addr+"/update", strings.NewReader(txt(c)))
			request.Header = http.Header{"X-Api-User": {c.Username}, "X-Api-Key": {c.Password}}
			if response, err := second.RoundTrip(request); err == nil { // else it has given way
				response.Body.Close()
			}
		})
	}
	b.t.Cleanup(func() { cancel(); all.Wait(); second.CloseIdleConnections() })
}

// TestProxyHasAsManyConnectionsAsThereAre: those of others are bounded, so that one
// client leaves room for the rest.
func TestProxyHasAsManyConnectionsAsThereAre(t *testing.T) {
	b := start(t, believes127001)
	const each = 300 // over 256, under 512
	for source, want := range map[string]bool{"127.0.0.1": true, "127.0.0.2": false} {
		var conns []net.Conn
		before := b.places.Stats()
		for range each {
			conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}).Dial("tcp", b.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conns = append(conns, conn)
		}
		b.eventually("all have been let in", func() bool {
			now := b.places.Stats()
			return now.Open-before.Open+int(now.Evicted-before.Evicted) >= each
		})
		got := exchange(t, conns[0], "GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
		if strings.HasPrefix(got, "200") != want {
			t.Errorf("%s: the first of %d connections: %q", source, each, got)
		}
		for _, conn := range conns {
			conn.Close()
		}
		b.eventually("they are gone", func() bool { return b.places.Open() == 0 })
	}
}

// TestLastAnswerArrives though the client has sent more than is read.
func TestLastAnswerArrives(t *testing.T) {
	b := start(t, nil)
	for range 20 {
		conn, err := net.Dial("tcp", b.addr)
		if err != nil {
			t.Fatal(err)
		}
		body := strings.Repeat(" ", 1<<20)
		began := time.Now()
		got := exchange(t, conn, "POST /register HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n"+body[:1<<18])
		if !strings.HasPrefix(got, "413 ") {
			t.Fatalf("after %v: %q", time.Since(began), got)
		}
	}
}

// TestBetweenRequests: whatever a client keeps the service busy with, other work has its
// turn: at each request, with requests that came together as well, and in a handshake.
func TestBetweenRequests(t *testing.T) {
	b := start(t, nil)
	const requests = 20
	together := strings.Repeat("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", requests-1) + "GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	second := &http.Transport{Protocols: new(http.Protocols)}
	second.Protocols.SetUnencryptedHTTP2(true)
	defer second.CloseIdleConnections()
	for name, send := range map[string]func(){
		"HTTP/1, together": func() { b.readAll(together) },
		"HTTP/2": func() {
			b.http.Transport = second
			for range requests {
				b.ask("GET", "/nothing", "")
			}
		},
	} {
		before := b.between.Load()
		send()
		b.eventually(name+": two turns a request", func() bool { return b.between.Load()-before >= 2*requests })
	}
	before := b.between.Load()
	b.sendFrom("127.0.0.1", "something else\r\n\r\n")
	if b.between.Load() == before {
		t.Error("none where what comes is no request")
	}
}

// readAll sends requests, the last of which closes the connection, and reads all answers.
func (b *bed) readAll(requests string) {
	b.t.Helper()
	conn, err := net.Dial("tcp", b.addr)
	if err != nil {
		b.t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(enough)); err != nil {
		b.t.Fatal(err)
	}
	if _, err := io.WriteString(conn, requests); err != nil {
		b.t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, conn); err != nil {
		b.t.Fatal(err)
	}
}
