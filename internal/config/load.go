package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Load reads a file and lays the environment ("NAME=value" each) over it. With an
// empty path there is only the environment. Every error is one line that says
// where and what: file, line if known, key, value, what is allowed. Whether the
// values make sense, Validate and CheckServe say.
func Load(path string, environ []string) (*Config, error) {
	c := Default()
	if path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, unreadable(path, err)
		}
		c.origin.file = path
		if err := c.decode(string(text)); err != nil {
			return nil, err
		}
	}
	if err := c.overlay(environ); err != nil {
		return nil, err
	}
	c.complete()
	return c, nil
}

// Dev returns the configuration of serve --dev: this machine only, high ports, its
// files in dir. The environment is laid over it, and the whole validated.
func Dev(dir string, environ []string) (*Config, error) {
	c := Default()
	c.Zone.Name = "auth.test"
	c.Zone.Records = []string{"@ A 127.0.0.1"}
	c.Store.Path = filepath.Join(dir, "acmezone.db")
	c.Admin.Socket = filepath.Join(dir, "admin.sock")
	c.API.Listen, c.API.TLS = []string{"127.0.0.1:8053"}, "off"
	c.API.RegisterFrom, c.Limits.Exempt = loopback(), loopback()
	c.DNS = defaultDNS()
	c.DNS.Listen = []string{"127.0.0.1:5300"}
	if err := c.overlay(environ); err != nil {
		return nil, err
	}
	c.complete()
	return c, c.Validate()
}

// File returns the path of the file that the configuration was read from, "" if there
// was none.
func (c *Config) File() string { return c.origin.file }

func unreadable(path string, err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err // the path is named already
	}
	return fmt.Errorf("the configuration %s can't be read: %w", path, err)
}

// complete fills in the defaults that depend on other keys.
func (c *Config) complete() {
	if c.API.Hostname == "" {
		c.API.Hostname = strings.TrimSuffix(c.Zone.Name, ".")
	}
	if c.API.RegisterFrom == nil {
		c.API.RegisterFrom = c.thisMachine()
	}
	if c.Limits.Exempt == nil {
		c.Limits.Exempt = c.thisMachine()
	}
}

// thisMachine lets this machine register without a token, and uncounted, unless a proxy
// may stand in front, from whose address everybody comes: then the operator has to say so.
func (c *Config) thisMachine() []string {
	if c.API.TLS == "off" || anySocket(c.API.Listen) || len(c.API.TrustedProxies) > 0 {
		return []string{}
	}
	return loopback()
}

func loopback() []string { return []string{"127.0.0.0/8", "::1/128"} }
