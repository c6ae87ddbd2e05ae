package flock

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestOneAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "locked")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	first, second := open(t, path), open(t, path)
	if err := Take(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	given, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupted"))
	if err := Take(given, second); !errors.Is(err, ErrHeld) || !errors.Is(err, context.Cause(given)) {
		t.Errorf("while it is held: %v", err)
	}
	taken := make(chan error, 1)
	go func() { taken <- Take(t.Context(), second) }()
	first.Close()
	select {
	case err := <-taken:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("it isn't had when its holder has gone")
	}
	second.Close()
	if err := Take(t.Context(), second); err == nil || errors.Is(err, ErrHeld) {
		t.Errorf("of a closed file: %v", err)
	}
}
