// Package zonetext takes hand-written zone files apart and changes them as their
// authors would: the serial's digits, a line at the end, a line less. Whatever it
// wasn't asked to change stays the very bytes it was. It reads a file as NSD does.
package zonetext
