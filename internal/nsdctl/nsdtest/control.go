package nsdtest

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// controlTime is what nsd-control may take; by itself it would wait without end.
const controlTime = time.Minute

// Control runs nsd-control and returns what it writes. It exits 0 more often than
// NSD did what it was told, so look at the text too.
func (s *Server) Control(args ...string) (string, error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), controlTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, Program(s.t, "nsd-control", "nsd"), append([]string{"-c", s.Config}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("nsd-control %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), err
}

// Program finds a program that the system has to provide. Servers are often where
// only root's PATH looks.
func Program(t testing.TB, name, debianPackage string) string {
	t.Helper()
	for _, candidate := range []string{name, filepath.Join("/usr/sbin", name)} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	t.Fatalf("%s is missing: apt-get install %s", name, debianPackage)
	return ""
}
