package config

import (
	"io"

	"github.com/BurntSushi/toml"
)

// WriteTOML writes the configuration with every key, so that reading it back gives
// the same.
func (c *Config) WriteTOML(w io.Writer) error { return toml.NewEncoder(w).Encode(c) }
