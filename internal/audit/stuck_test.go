package audit

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestStuckDisk: while a write doesn't come back, it can be seen that it doesn't.
func TestStuckDisk(t *testing.T) {
	reader, full := fullPipe(t)
	info, err := full.Stat()
	if err != nil {
		t.Fatal(err)
	}
	var hours atomic.Int64
	now := func() time.Time { return time.Unix(0, 0).Add(time.Duration(hours.Load()) * time.Hour) }
	opts := Options{Path: fmt.Sprintf("/proc/self/fd/%d", full.Fd()), Log: slog.New(slog.DiscardHandler), Now: now}
	l := &Log{opts: opts, path: opts.Path, file: &file{f: full, info: info}}
	ended := make(chan struct{})
	go func() { l.Write(Entry{Event: "update", Result: OK}); close(ended) }()
	for deadline := time.Now().Add(time.Minute); l.Fault() == nil; hours.Add(1) {
		if time.Now().After(deadline) {
			t.Fatal("nothing is said of a write that hangs")
		}
	}
	if err := l.Fault(); !strings.Contains(err.Error(), "is the disk stuck?") || l.Stats() != (Stats{}) {
		t.Error(err, l.Stats())
	}
	reader.Close()
	<-ended
	if err := l.Fault(); !errors.Is(err, syscall.EPIPE) || l.Stats().Failed != 1 {
		t.Error(err, l.Stats())
	}
	_ = l.Close() // the pipe's other end is gone
}

// fullPipe returns a pipe that takes no octet more, to which a write waits.
func fullPipe(t *testing.T) (reader, writer *os.File) {
	t.Helper()
	var ends [2]int
	if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	if err := syscall.SetNonblock(ends[1], true); err != nil {
		t.Fatal(err)
	}
	var err error
	for page := bytes.Repeat([]byte{'x'}, os.Getpagesize()); err == nil; {
		_, err = syscall.Write(ends[1], page)
	}
	if !errors.Is(err, syscall.EAGAIN) {
		t.Fatal(err)
	}
	if err := syscall.SetNonblock(ends[1], false); err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(ends[0]), "reader"), os.NewFile(uintptr(ends[1]), "writer")
}
