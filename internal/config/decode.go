package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/BurntSushi/toml"
)

// decode lays a file's text over the configuration. It is strict: a key that isn't
// known is an error, since it is most likely a misspelt one; so is one that differs
// in case, which the library would take, and of two such take one at random.
func (c *Config) decode(text string) error {
	c.origin.lines = linesOf(text)
	var raw map[string]any
	meta, err := toml.Decode(text, &raw)
	if err != nil {
		return c.notTOML(err)
	}
	if err := c.checkNames(meta.Keys()); err != nil {
		return err
	}
	if err := c.checkTypes(raw); err != nil {
		return err
	}
	// The sections that need not be there get their defaults only if they are.
	for name := range raw {
		c.addSection(name)
	}
	_, err = toml.Decode(text, c)
	return c.notTOML(err)
}

func (c *Config) checkNames(found []toml.Key) error {
	known := knownNames()
	for _, k := range found {
		if name := k.String(); !slices.Contains(known, name) {
			return c.at(name, fmt.Errorf("there is no key %s%s", name, meant(name)))
		}
	}
	return nil
}

// notTOML makes one line of the library's error.
func (c *Config) notTOML(err error) error {
	var parse toml.ParseError
	if !errors.As(err, &parse) {
		return c.Locate(err)
	}
	text := strings.TrimSuffix(strings.Join(strings.Fields(parse.Message), " "), ".")
	text = strings.ReplaceAll(text, `'\x00'`, "the end of the file")
	key := parse.LastKey
	if strings.ContainsFunc(key, unicode.IsControl) {
		key = strconv.Quote(key) // a key in quotes may hold anything
	}
	if key != "" && !strings.Contains(text, key) {
		text = key + ": " + text
	}
	text = fmt.Sprintf("line %d: %s", parse.Position.Line, text)
	if c.origin.file != "" {
		text = c.origin.file + ": " + text
	}
	return errors.New(text)
}
