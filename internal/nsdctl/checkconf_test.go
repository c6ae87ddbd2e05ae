package nsdctl

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestOutputThatComesLate has a program end before what it says has come, which is how a
// busy machine shows it: the reader has its turn late.
func TestOutputThatComesLate(t *testing.T) {
	program := filepath.Join(t.TempDir(), "nsd-checkconf")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n(sleep 1.5; echo 192.0.2.1) &\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	lines, err := (&checkconf{program, "nsd.conf"}).option(t.Context(), "ip-address")
	if err != nil || !slices.Equal(lines, []string{"192.0.2.1"}) {
		t.Errorf("%q, %v", lines, err)
	}
	answer, err := command{program}.send(t.Context(), "status")
	if err != nil || answer != "192.0.2.1" {
		t.Errorf("%q, %v", answer, err)
	}
}
