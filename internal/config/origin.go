package config

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// origin is where a configuration came from, so that an error can name the place.
type origin struct {
	file      string            // "" if there is none
	lines     map[string]int    // in the file, of sections ("zone") and keys ("zone.name")
	variables map[string]string // of the environment, by the key they set
}

// Locate puts the place in front of an error that begins with a key, as those of
// zone.Define do: the file and line, or the variable of the environment. Other errors
// get the file alone. The errors of this package have their place already.
func (c *Config) Locate(err error) error {
	if err == nil {
		return nil
	}
	notOfKey := func(r rune) bool { return r != '.' && r != '_' && (r < 'a' || r > 'z') }
	text := err.Error()
	if end := strings.IndexFunc(text, notOfKey); end >= 0 {
		text = text[:end]
	}
	return c.at(text, notHidden(err))
}

// notHidden adds to an error of a file in somebody's home that its permissions may not be
// all: the unit hides homes from the service.
func notHidden(err error) error {
	var file *fs.PathError
	if !errors.As(err, &file) || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	for _, home := range []string{"/home/", "/root/", "/run/user/"} {
		if strings.HasPrefix(file.Path, home) {
			return fmt.Errorf("%w: a systemd unit hides what is in %s (ProtectHome=): have the file elsewhere, such as in /etc/acmezone", err, home)
		}
	}
	return err
}

// at puts the place of a key or section in front of an error.
func (c *Config) at(key string, err error) error {
	if place := c.origin.of(key); place != "" {
		return fmt.Errorf("%s: %w", place, err)
	}
	return err
}

// of falls back from a key that isn't there, or whose line isn't known, to its
// section, and from that to the file.
func (o origin) of(key string) string {
	if variable, ok := o.variables[key]; ok {
		return "environment: " + variable
	}
	section, _, _ := strings.Cut(key, ".")
	for _, k := range []string{key, section} {
		if n := o.lines[k]; n > 0 && o.file != "" {
			return fmt.Sprintf("%s: line %d", o.file, n)
		}
	}
	return o.file
}

// linesOf finds the lines that begin a section or set a key. Keys that are written
// in some rarer way, such as in an inline table, are left out.
func linesOf(text string) map[string]int {
	lines := make(map[string]int)
	section := ""
	for i, line := range strings.Split(text, "\n") {
		name, found := "", false
		line = strings.TrimSpace(line)
		if header, ok := strings.CutPrefix(line, "["); ok {
			header, _, _ = strings.Cut(strings.TrimPrefix(header, "["), "]")
			name, section, found = strings.TrimSpace(header), strings.TrimSpace(header)+".", true
		} else if word, _, ok := strings.Cut(line, "="); ok {
			name, found = section+strings.Trim(strings.TrimSpace(word), `"'`), true
		}
		if _, twice := lines[name]; found && !twice {
			lines[name] = i + 1
		}
	}
	return lines
}
