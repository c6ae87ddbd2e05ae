package nsdctl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// checkconf asks NSD's own nsd-checkconf what a configuration says, so that
// includes, patterns and defaults mean what they mean to NSD.
type checkconf struct {
	program string
	file    string
}

const (
	// checkconfTime is how long nsd-checkconf may take; it takes milliseconds.
	checkconfTime = 10 * time.Second
	// lastWords is how long what a program has written may take to come after its end. On a
	// busy machine whoever reads it may not have had a turn for more than a second.
	lastWords = 10 * time.Second
)

func newCheckconf(file string) (*checkconf, error) {
	for _, name := range []string{"nsd-checkconf", "/usr/sbin/nsd-checkconf", "/usr/local/sbin/nsd-checkconf"} {
		if path, err := exec.LookPath(name); err == nil {
			return &checkconf{path, file}, nil
		}
	}
	return nil, errors.New("nsd-checkconf isn't installed here: install NSD, on Debian with 'apt-get install nsd'")
}

// option returns the lines that the option has, none where it is empty.
func (c *checkconf) option(ctx context.Context, name string) ([]string, error) {
	return c.run(ctx, "-o", name)
}

// ofZone returns an option of a zone; a zone that isn't there is an error.
func (c *checkconf) ofZone(ctx context.Context, zone, name string) ([]string, error) {
	return c.run(ctx, "-z", zone, "-o", name)
}

// ofPattern returns an option of a pattern.
func (c *checkconf) ofPattern(ctx context.Context, pattern, name string) ([]string, error) {
	return c.run(ctx, "-p", pattern, "-o", name)
}

func (c *checkconf) run(ctx context.Context, args ...string) ([]string, error) {
	limited, cancel := context.WithTimeout(ctx, checkconfTime)
	defer cancel()
	cmd := exec.CommandContext(limited, c.program, append(args, c.file)...)
	cmd.WaitDelay = lastWords
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	switch {
	case ctx.Err() != nil: // it was killed over that
		return nil, context.Cause(ctx)
	case limited.Err() != nil:
		return nil, fmt.Errorf("NSD's configuration %s: nsd-checkconf has not read it within %v", c.file, checkconfTime)
	case err != nil:
		return nil, fmt.Errorf("NSD's configuration %s: %s", c.file, firstLine(complaint.String(), err))
	}
	text := strings.TrimSpace(string(out))
	// Its exit code is 0 then, too.
	if strings.HasPrefix(text, "Zone does not exist") || strings.HasPrefix(text, "Pattern does not exist") {
		return nil, fmt.Errorf("NSD's configuration %s: %s", c.file, text)
	}
	if text == "" {
		return nil, nil
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return lines, nil
}

// firstLine is what a program complains of first, or else how it ended.
func firstLine(complaint string, err error) string {
	line, _, _ := strings.Cut(strings.TrimSpace(complaint), "\n")
	if line == "" {
		return err.Error()
	}
	return line
}
