// Package e2e tries the real acmezone binary with a real CA, a real resolver, a
// real name server for the customers' zones and real ACME clients. It is a module
// of its own, so that none of them is a dependency of the program.
package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// binaries are what TestMain builds, once for all tests; nothing writes to it
// afterwards.
var binaries struct{ acmezone, pebble string }

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "acmezone-e2e-")
	if err != nil {
		return failed(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := build(dir); err != nil {
		return failed(err)
	}
	// After the builds: they may have to fetch modules, and trust other CAs.
	if err := trustTestCA(dir); err != nil {
		return failed(err)
	}
	return m.Run()
}

func failed(err error) int {
	fmt.Fprintln(os.Stderr, "e2e:", err)
	return 1
}

func build(dir string) error {
	binaries.acmezone = filepath.Join(dir, "acmezone")
	binaries.pebble = filepath.Join(dir, "pebble")
	if err := goBuild("..", binaries.acmezone, "./cmd/acmezone"); err != nil {
		return err
	}
	return goBuild(".", binaries.pebble, "github.com/letsencrypt/pebble/v2/cmd/pebble")
}

func goBuild(dir, binary, pkg string) error {
	cmd := exec.Command("go", "build", "-o", binary, pkg)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}
