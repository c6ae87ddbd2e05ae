package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// prefix begins the environment variables that set keys: ACMEZONE_ZONE_NAME.
const prefix = "ACMEZONE_"

// overlay sets the keys that the environment names. A variable that nearly names a
// key is an error, as in a file; others are somebody else's: Kubernetes gives every
// container ACMEZONE_SERVICE_HOST and the like where a service is called acmezone.
func (c *Config) overlay(environ []string) error {
	byVariable := make(map[string]key)
	for k := range keys() {
		byVariable[k.variable()] = k
	}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		k, ok := byVariable[name]
		if !ok {
			if err := misspelt(name); err != nil {
				return err
			}
			continue
		}
		if err := c.override(k, value); err != nil {
			return fmt.Errorf("environment: %s: %w", name, err)
		}
	}
	return nil
}

// misspelling is how many letters a misspelt name is off by, at the most.
const misspelling = 2

func misspelt(name string) error {
	if !strings.HasPrefix(name, prefix) {
		return nil
	}
	for k := range keys() {
		if distance(name, k.variable()) <= misspelling {
			return fmt.Errorf("environment: %s names no key; did you mean %s?", name, k.variable())
		}
	}
	return nil
}

// override sets a key; a section that wasn't there comes into being.
func (c *Config) override(k key, value string) error {
	if c.origin.variables == nil {
		c.origin.variables = make(map[string]string)
	}
	c.origin.variables[k.String()] = k.variable()
	section := reflect.ValueOf(c).Elem().Field(k.path[0])
	if section.Kind() == reflect.Pointer {
		if section.IsNil() {
			c.origin.variables[k.section] = k.variable()
			c.addSection(k.section)
		}
		section = section.Elem()
	}
	return setField(section.Field(k.path[1]), value)
}

func (c *Config) addSection(name string) {
	switch name {
	case "dns":
		c.DNS = defaultDNS()
	case "nsd":
		c.NSD = defaultNSD()
	}
}

func setField(field reflect.Value, value string) error {
	if text, ok := field.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return text.UnmarshalText([]byte(value))
	}
	switch field.Kind() {
	case reflect.Int:
		n, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", value)
		}
		field.SetInt(int64(n))
	case reflect.Slice:
		field.Set(reflect.ValueOf(splitList(value)))
	default:
		field.SetString(value)
	}
	return nil
}

// splitList splits a list at line ends if it has any, else at commas. Those in double
// quotes don't count: static records such as CAA and TXT may hold them.
func splitList(value string) []string {
	quoted := false
	separates := func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ',' && !quoted
	}
	if strings.Contains(value, "\n") {
		separates = func(r rune) bool { return r == '\n' }
	}
	list := []string{}
	for _, item := range strings.FieldsFunc(value, separates) {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}
