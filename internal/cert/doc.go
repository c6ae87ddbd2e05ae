// Package cert is the API's own certificate: one that the service gets from a CA, one
// that it signs itself, or files that others write.
package cert
