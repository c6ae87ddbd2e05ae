// Package dnsserve is the embedded authoritative DNS server of one zone.
//
// A packet takes one way: a read loop (udp.go, tcp.go) hands its bytes to
// responder.respond, which parses the question (query.go, edns.go), finds the
// name (lookup.go) in the static data prepared at start (static.go) and in the
// snapshot of live values, writes the answer (reply.go) in wire form
// (message.go), and hands back bytes to be sent. Nothing on that way waits, takes
// a lock or keeps state from one packet to the next, but for one atomic pointer to
// the snapshot, read once per packet: the SOA serial and the data of an answer
// always belong together.
//
// github.com/miekg/dns only turns the operator's static records into wire form.
// What strangers send is parsed here, bounds first.
package dnsserve
