package dnsserve

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// What AnswerWaiting takes of its callers' time: one look at each socket every asideEvery,
// and asideMost answers there, which take about as long: one processor at the most.
const (
	asideEvery = 20 * time.Microsecond
	asideMost  = 4
)

// AnswerWaiting answers the questions that wait at the UDP sockets, and is soon done. It is
// for goroutines of a flood of anything else, who call it again and again: where there are
// more of them than processors, Go has the goroutine that reads the sockets stand in line
// with them, for milliseconds, and a question takes microseconds. Any number of goroutines
// may call it. Before the first Publish and after Serve it does nothing.
func (s *Server) AnswerWaiting() {
	all := s.asides.Load()
	if all == nil || !all.due() {
		return
	}
	for _, a := range all.sockets {
		_ = a.raw.Control(a.answer) // it fails where the socket is closed by now
	}
}

// asides answer at all sockets of a server.
type asides struct {
	sockets []*aside
	since   time.Time
	looked  atomic.Int64 // when, in nanoseconds from since
}

// due reports whether nobody has looked for asideEvery, and has the caller do so.
func (a *asides) due() bool {
	now, looked := int64(time.Since(a.since)), a.looked.Load()
	return now-looked >= int64(asideEvery) && a.looked.CompareAndSwap(looked, now)
}

func (s *Server) newAsides(readers []*udpReader) (*asides, error) {
	all := &asides{since: time.Now()}
	for i, so := range s.sockets {
		raw, err := so.udp.SyscallConn()
		if err != nil {
			return nil, err
		}
		a := &aside{server: s, raw: raw, counts: so.udpCounts}
		a.answer = a.answerWaiting
		a.readers.New = func() any { return readers[i].another() }
		all.sockets = append(all.sockets, a)
	}
	return all, nil
}

// aside answers at one socket, beside the goroutine that reads it and is unaware of it:
// that one is told of a question, finds none, and goes on waiting.
type aside struct {
	server *Server
	raw    syscall.RawConn
	counts *counters
	answer func(fd uintptr) // answerWaiting, as a value that is made once
	// readers are as many as there are callers. With one of them for all, nobody would
	// answer while the system has its caller wait for a processor.
	readers sync.Pool
}

func (a *aside) answerWaiting(fd uintptr) {
	for range asideMost {
		// Cheaper than to try to read; the size of what waits would be 0 for an empty packet.
		waiting := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		if n, err := unix.Poll(waiting[:], 0); err != nil || n == 0 || !a.answerOne(int(fd)) {
			return
		}
	}
}

// answerOne reports whether there was a question, which another may have taken by now.
func (a *aside) answerOne(fd int) bool {
	u := a.readers.Get().(*udpReader)
	defer a.readers.Put(u)
	size, controlSize, _, from, err := unix.Recvmsg(fd, u.packet[:], u.control, unix.MSG_DONTWAIT)
	if err != nil {
		return false
	}
	via := transport{from: addressOf(from), at: time.Now()}
	answer, outcome := a.server.answer(u.answer[:0], u.packet[:size], via)
	a.counts.count(outcome)
	if len(answer) > 0 {
		// A failure concerns one client, as in udpReader.send. Nobody waits here for room.
		_, _ = unix.SendmsgN(fd, answer, source(u.control[:controlSize]), from, unix.MSG_DONTWAIT)
	}
	return true
}

func addressOf(from unix.Sockaddr) netip.Addr {
	switch from := from.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrFrom4(from.Addr)
	case *unix.SockaddrInet6:
		return netip.AddrFrom16(from.Addr).Unmap()
	}
	return netip.Addr{}
}
