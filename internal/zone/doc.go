// Package zone is the leaf that every other package speaks: what the zone is
// (its apex, static records and limits), what is in it right now (an immutable
// Snapshot), and how it changes (Change, Edit, Delta).
//
// It is pure: no goroutine, no clock, no file, no socket. Every value is either
// immutable or owned by one caller; what may be shared says so.
package zone
