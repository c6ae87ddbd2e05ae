// Package logtest keeps for tests what a service, or a process, writes to its log.
package logtest

import (
	"strings"
	"sync"
)

// Buffer is a log that a test may read while it is being written. The zero value is empty.
// Any number of goroutines may use it.
type Buffer struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write appends.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String returns what was written so far.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
