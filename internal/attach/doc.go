// Package attach puts the CNAMEs of challenges into zones that NSD has and that others
// keep by hand, and takes them out again: one line and the serial's digits, in an order
// that a crash at any moment leaves the old file or the new one, and with the proof that
// it is served. What it isn't sure of it refuses, and says why.
package attach
