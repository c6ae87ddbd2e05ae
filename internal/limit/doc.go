// Package limit keeps strangers from taking more than their share: of connections
// here, whatever protocol is spoken over them.
package limit
