package e2e

import (
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// tap stands between the resolver and acmezone, for UDP only, and keeps what is
// asked. Not offering TCP, it also shows that nothing had to be asked again there.
type tap struct {
	addr     string
	upstream string

	mu      sync.Mutex
	asked   []*dns.Msg
	largest int // octets of the largest answer
}

func startTap(t *testing.T, upstream string) *tap {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &tap{addr: conn.LocalAddr().String(), upstream: upstream}
	var serving sync.WaitGroup
	serving.Go(func() { p.serve(conn) })
	t.Cleanup(func() {
		_ = conn.Close()
		serving.Wait()
	})
	return p
}

func (p *tap) serve(conn net.PacketConn) {
	packet := make([]byte, 4096)
	for {
		n, client, err := conn.ReadFrom(packet)
		if err != nil {
			return // closed
		}
		p.note(packet[:n])
		// The resolver asks again for what gets lost here, as on a real network.
		if answer, err := p.forward(packet[:n]); err == nil {
			p.measure(answer)
			_, _ = conn.WriteTo(answer, client)
		}
	}
}

func (p *tap) note(packet []byte) {
	q := new(dns.Msg)
	if q.Unpack(packet) != nil || len(q.Question) != 1 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, q)
}

func (p *tap) measure(answer []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.largest = max(p.largest, len(answer))
}

// forward passes the bytes on as they are, so that case and EDNS reach acmezone as
// the resolver sent them.
func (p *tap) forward(packet []byte) ([]byte, error) {
	conn, err := net.Dial("udp", p.upstream)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(startTime)); err != nil {
		return nil, err
	}
	if _, err := conn.Write(packet); err != nil {
		return nil, err
	}
	answer := make([]byte, 4096)
	n, err := conn.Read(answer)
	return answer[:n], err
}

// seen returns what has been asked so far, and how large the answers were.
func (p *tap) seen() (asked []*dns.Msg, largest int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked), p.largest
}
