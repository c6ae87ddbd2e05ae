package api_test

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// requestStreams opens an HTTP/2 connection and sends that many requests at once, each with
// as much of its body as is given. The client takes no answer's body: it gives no window.
func requestStreams(t *testing.T, addr, source, path, announced string, n int) {
	t.Helper()
	conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}).Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_, _ = io.Copy(io.Discard, conn)
	}()
	t.Cleanup(func() { conn.Close(); <-drained })
	_, _ = io.WriteString(conn, http2.ClientPreface) // it may have been closed, as whatever follows
	framer := http2.NewFramer(conn, nil)
	_ = framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for i := range n {
		block.Reset()
		for _, field := range [][2]string{{":method", "POST"}, {":scheme", "http"}, {":authority", "x"}, {":path", path}, {"content-length", announced}} {
			_ = encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]})
		}
		id := uint32(2*i + 1)
		_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: announced == "0"})
	}
}

// TestStreamsHaveNoMoreRoomThanConnections: requests that don't end, and answers that
// nobody takes, are bounded with HTTP/2 as with HTTP/1.
func TestStreamsHaveNoMoreRoomThanConnections(t *testing.T) {
	for name, announced := range map[string]string{"no end of the body": "100", "no window": "0"} {
		t.Run(name, func(t *testing.T) {
			b := start(t, nil)
			for _, source := range []string{"127.0.0.2", "127.0.0.3"} {
				for range 4 {
					requestStreams(t, b.addr, source, "/update", announced, 128)
				}
			}
			b.eventually("they have given way to each other", func() bool { return b.places.Stats().Evicted+b.places.Stats().Refused > 0 })
			if open := b.places.Open(); open > 512 {
				t.Errorf("%d places", open)
			}
			c := b.register("")
			b.want("update", b.update(c, txt(c)), 200, `{"txt": "`+challenge+`"}`)
		})
	}
}

// eventually waits until something is so.
func (b *bed) eventually(what string, is func() bool) {
	b.t.Helper()
	for end := time.Now().Add(enough); !is(); <-time.After(10 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatal("it never was so: " + what)
		}
	}
}
