package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// program finds a program that the system has to provide. Servers are often where
// only root's PATH looks.
func program(t *testing.T, name, debianPackage string) string {
	t.Helper()
	for _, candidate := range []string{name, filepath.Join("/usr/sbin", name)} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	t.Fatalf("%s is missing: apt-get install %s", name, debianPackage)
	return ""
}

// output runs a program to its end, with a text on its standard input, and returns
// what it writes. It fails if the program does.
func output(t *testing.T, input, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(limited(t), program, args...)
	cmd.Stdin = strings.NewReader(input)
	var errors strings.Builder
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(cmd.Args, " "), err, out, &errors)
	}
	return string(out)
}
