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

// reserved variables belong to the command line.
var reserved = map[string]bool{"ACMEZONE_CONFIG": true, "ACMEZONE_SERVER": true, "ACMEZONE_TOKEN": true}

// overlay sets the keys that the environment names. A variable of that prefix which
// names no key is an error, as in a file.
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
		if !strings.HasPrefix(name, prefix) || reserved[name] {
			continue
		}
		path, ok := paths[name]
		if !ok {
			return unknownVariable(name, names)
		}
		if err := c.set(path, value); err != nil {
			return fmt.Errorf("environment: %s: %w", name, err)
		}
	}
	return nil
}

func unknownVariable(name string, names []string) error {
	hint := ""
	if like := nearest(name, names); like != "" {
		hint = fmt.Sprintf("; did you mean %s?", like)
	}
	return fmt.Errorf("environment: %s names no key%s", name, hint)
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
