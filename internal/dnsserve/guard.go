package dnsserve

import (
	"runtime/debug"
	"sync"
)

// guard is the last net: a packet that makes respond panic is dropped instead of
// ending the process. That would be a bug, so it is logged, once: the same packet
// may come a thousand times a second.
type guard struct{ once sync.Once }

// answer is respond behind the net.
func (s *Server) answer(buf, packet []byte, via transport) (response []byte, o outcome) {
	defer func() {
		if fault := recover(); fault != nil {
			response, o = nil, outcome{fate: ignored}
			s.guard.once.Do(func() {
				s.log.Error("dns: a packet was dropped that should have been answered: please report this",
					"fault", fault, "packet", packet, "stack", string(debug.Stack()))
			})
		}
	}()
	return s.respond(buf, packet, via)
}
