// Package limit keeps strangers from taking more than their share: of connections,
// whatever protocol is spoken over them, and of what is counted by the hour.
package limit
