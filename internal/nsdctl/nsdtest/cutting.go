package nsdtest

import (
	"net"
	"sync/atomic"
)

// Cutting is a listener that resets as many connections as Left says before it lets one
// through, as NSD does with those that an old process had taken when it ends at a reload.
type Cutting struct {
	net.Listener
	Left atomic.Int32
}

// Accept returns the first connection that isn't reset.
func (l *Cutting) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	for ; err == nil && l.Left.Add(-1) >= 0; conn, err = l.Listener.Accept() {
		_ = conn.(*net.TCPConn).SetLinger(0) // a reset, and not an orderly end
		_ = conn.Close()
	}
	return conn, err
}
