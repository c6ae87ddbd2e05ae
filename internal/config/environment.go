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
	paths := make(map[string][]int)
	var names []string
	eachKey(func(section, key string, path []int) {
		name := prefix + strings.ToUpper(section+"_"+key)
		paths[name] = path
		names = append(names, name)
	})
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		path, ok := paths[name]
		if !ok {
			if err := misspelt(name, names); err != nil {
				return err
			}
			continue
		}
		if err := c.set(path, value); err != nil {
			return fmt.Errorf("environment: %s: %w", name, err)
		}
	}
	return nil
}

// misspelling is how many letters a misspelt name is off by, at the most.
const misspelling = 2

func misspelt(name string, names []string) error {
	if !strings.HasPrefix(name, prefix) {
		return nil
	}
	for _, n := range names {
		if distance(name, n) <= misspelling {
			return fmt.Errorf("environment: %s names no key; did you mean %s?", name, n)
		}
	}
	return nil
}

// set writes a value to a field; a section that wasn't there comes into being.
func (c *Config) set(path []int, value string) error {
	section := reflect.ValueOf(c).Elem().Field(path[0])
	if section.Kind() == reflect.Pointer {
		if section.IsNil() && section.Type() == reflect.TypeFor[*DNS]() {
			c.DNS = defaultDNS()
		} else if section.IsNil() {
			c.NSD = defaultNSD()
		}
		section = section.Elem()
	}
	field := section.Field(path[1])
	if text, ok := field.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return text.UnmarshalText([]byte(value))
	}
	switch field.Kind() {
	case reflect.Int:
		n, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("%q is not a number", value)
		}
		field.SetInt(int64(n))
	case reflect.Slice:
		field.Set(reflect.ValueOf(splitList(value)))
	default:
		field.SetString(value)
	}
	return nil
}

// splitList splits a list at line ends if it has any, else at commas: static
// records may hold commas, and are written one a line.
func splitList(value string) []string {
	separator := ","
	if strings.Contains(value, "\n") {
		separator = "\n"
	}
	list := []string{}
	for item := range strings.SplitSeq(value, separator) {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}
