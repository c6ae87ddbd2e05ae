// Package checktest starts, for tests, what stands around name servers: a real unbound,
// and relays that let through less than they should.
package checktest
