package client

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// TestChangeIsWaitedForAsLongAsTheServiceMay by its publish.timeout.
func TestChangeIsWaitedForAsLongAsTheServiceMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			go func() {
				defer there.Close()
				if _, err := http.ReadRequest(bufio.NewReader(there)); err == nil {
					time.Sleep(4 * time.Minute)
					_, _ = there.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"))
				}
			}()
			return here, nil
		}
		for timeout, waits := range map[time.Duration]bool{5 * time.Minute: true, 10 * time.Second: false} {
			if err := over(slow, timeout).Do(t.Context(), zone.RemoveValue{}); (err == nil) != waits {
				t.Errorf("with publish.timeout %v: %v", timeout, err)
			}
		}
		time.Sleep(5 * time.Minute) // until whoever answers has ended
	})
}
