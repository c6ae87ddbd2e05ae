package config

import (
	"reflect"
	"slices"
)

// Differences returns the keys whose values differ, in their order; of a section that
// only one of the two has, its name alone.
func (c *Config) Differences(other *Config) []string {
	var all []string
	for k := range keys() {
		mine, theirs := c.section(k), other.section(k)
		switch {
		case mine.IsValid() != theirs.IsValid():
			if !slices.Contains(all, k.section) {
				all = append(all, k.section)
			}
		case mine.IsValid() && !reflect.DeepEqual(mine.Field(k.path[1]).Interface(), theirs.Field(k.path[1]).Interface()):
			all = append(all, k.String())
		}
	}
	return all
}

// With returns a configuration that has the values of those keys from another one, and
// all else from this one. Places in errors are those of the other one. A section that
// only one of them has stays as it is.
func (c *Config) With(other *Config, names []string) *Config {
	merged := *c
	if c.DNS != nil {
		merged.DNS = new(*c.DNS)
	}
	if c.NSD != nil {
		merged.NSD = new(*c.NSD)
	}
	merged.origin = other.origin
	for k := range keys() {
		if !slices.Contains(names, k.String()) {
			continue
		}
		if to, from := merged.section(k), other.section(k); to.IsValid() && from.IsValid() {
			to.Field(k.path[1]).Set(from.Field(k.path[1]))
		}
	}
	return &merged
}

// section returns the section of a key, the zero Value if it isn't there.
func (c *Config) section(k key) reflect.Value {
	v := reflect.ValueOf(c).Elem().Field(k.path[0])
	if v.Kind() == reflect.Pointer {
		return v.Elem() // zero for nil
	}
	return v
}
