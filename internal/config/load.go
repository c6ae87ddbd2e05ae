package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"
)

// Load reads a file and lays the environment ("NAME=value" each) over it. With an
// empty path there is only the environment. Every error is one line that says
// where and what: file, line if known, key, value, what is allowed.
func Load(path string, environ []string) (*Config, error) {
	c := Default()
	if path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, unreadable(path, err)
		}
		if err := c.decode(string(text)); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if err := c.overlay(environ); err != nil {
		return nil, err
	}
	c.complete()
	return c, nil
}

// Dev returns the configuration of serve --dev: this machine only, high ports, its
// files in dir. The environment is laid over it.
func Dev(dir string, environ []string) (*Config, error) {
	c := Default()
	c.Zone.Name = "auth.test"
	c.Zone.Records = []string{"@ A 127.0.0.1"}
	c.Store.Path = filepath.Join(dir, "acmezone.db")
	c.Admin.Socket = filepath.Join(dir, "admin.sock")
	c.API.Listen, c.API.TLS = []string{"127.0.0.1:8053"}, "off"
	c.API.RegisterFrom = loopback[:]
	c.DNS = &DNS{Listen: []string{"127.0.0.1:5300"}}
	if err := c.overlay(environ); err != nil {
		return nil, err
	}
	c.complete()
	return c, c.Validate()
}

func unreadable(path string, err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return fmt.Errorf("the configuration %s can't be read: %w", path, pathErr.Err)
	}
	return fmt.Errorf("the configuration %s can't be read: %w", path, err)
}

// decode reads TOML strictly: a key that isn't known is an error, since it is most
// likely a misspelt one.
func (c *Config) decode(text string) error {
	// The sections that need not be there get their defaults only if they are.
	var present struct {
		DNS *struct{} `toml:"dns"`
		NSD *struct{} `toml:"nsd"`
	}
	if _, err := toml.Decode(text, &present); err != nil {
		return readable(err)
	}
	if present.DNS != nil {
		c.DNS = defaultDNS()
	}
	if present.NSD != nil {
		c.NSD = defaultNSD()
	}
	meta, err := toml.Decode(text, c)
	if err != nil {
		return readable(err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return unknownKey(text, unknown[0])
	}
	return nil
}

// misfit is how the library reports a value of the wrong type.
var misfit = regexp.MustCompile(`^line (\d+) \(last key "(.*)"\): incompatible types: TOML value has type (\S+); destination has type (\S+)$`)

// readable makes one line of the library's error, with the words of people who
// write configurations.
func readable(err error) error {
	var parse toml.ParseError
	if errors.As(err, &parse) {
		if parse.LastKey != "" && !strings.Contains(parse.Message, parse.LastKey) {
			return fmt.Errorf("line %d: %s: %s", parse.Position.Line, parse.LastKey, oneLine(parse.Message))
		}
		return fmt.Errorf("line %d: %s", parse.Position.Line, oneLine(parse.Message))
	}
	text := oneLine(strings.TrimPrefix(err.Error(), "toml: "))
	if m := misfit.FindStringSubmatch(text); m != nil {
		return fmt.Errorf("line %s: %s: it is %s, where %s belongs", m[1], m[2], typeName(m[3]), typeName(m[4]))
	}
	return errors.New(text)
}

// typeName says what TOML calls a type of Go's.
func typeName(t string) string {
	switch {
	case strings.Contains(t, "int"):
		return "a number"
	case t == "bool":
		return "true or false"
	case strings.HasPrefix(t, "[]") || t == "slice":
		return "a list"
	case strings.HasPrefix(t, "map") || t == "table":
		return "a section"
	case t == "string":
		return "a text in quotes"
	}
	return "a value of type " + t
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// unknownKey says where a key stands and which one may have been meant.
func unknownKey(text string, key toml.Key) error {
	where := ""
	if n := lineOf(text, key); n > 0 {
		where = fmt.Sprintf("line %d: ", n)
	}
	hint := ""
	if like := nearest(key.String(), knownKeys()); like != "" {
		hint = fmt.Sprintf("; did you mean %s?", like)
	}
	return fmt.Errorf("%sthere is no key %s%s", where, key, hint)
}

// lineOf finds the line that sets a key, or begins its section; 0 if it is written
// in some other way.
func lineOf(text string, key toml.Key) int {
	section := ""
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "["); ok {
			name, _, _ = strings.Cut(name, "]")
			if section = strings.TrimSpace(name); section == key.String() {
				return i + 1
			}
			continue
		}
		word, _, ok := strings.Cut(line, "=")
		name := strings.Trim(strings.TrimSpace(word), `"'`)
		if section != "" {
			name = section + "." + name
		}
		if ok && name == key.String() {
			return i + 1
		}
	}
	return 0
}
