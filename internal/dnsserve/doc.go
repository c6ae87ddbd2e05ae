// Package dnsserve is the embedded authoritative DNS server of one zone.
//
// A packet takes one way: a read loop (udp.go, tcp.go) hands its bytes to
// responder.respond, which parses the question (query.go, edns.go), finds the
// name (lookup.go) in the static data (static.go) and in the snapshot of live
// values, writes the answer (reply.go) in wire form (message.go), asks the rate
// limit whether it may go out (ratelimit.go), and hands back bytes to be sent.
// Nothing on that way waits or takes a lock. An atomic pointer to static data and
// snapshot (version.go) is read once per packet: the SOA serial and the data of an
// answer always belong together. From one packet to the next only counts are kept,
// of answers (stats.go) and of what each network has had (accounts.go).
//
// github.com/miekg/dns only turns the operator's static records into wire form, and asks
// the question of the self-test (selftest.go). What strangers send is parsed here, bounds
// first.
package dnsserve
