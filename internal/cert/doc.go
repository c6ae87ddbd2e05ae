// Package cert is the API's own certificate: one that the service signs itself, or
// files that others write.
package cert
