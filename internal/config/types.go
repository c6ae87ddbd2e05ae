package config

import (
	"encoding"
	"fmt"
	"reflect"
	"time"
)

// checkTypes finds the first value that is of the wrong type. The library would as
// well, yet in the words of Go and without the value.
func (c *Config) checkTypes(raw map[string]any) error {
	for k := range keys() {
		value, found := raw[k.section]
		if !found {
			continue
		}
		table, ok := value.(map[string]any)
		if !ok {
			return c.at(k.section, misfit(k.section, value, "a section"))
		}
		if value, found = table[k.name]; !found {
			continue
		}
		if err := k.checkType(value); err != nil {
			return c.at(k.String(), err)
		}
	}
	return nil
}

func (k key) checkType(value any) error {
	switch {
	case k.holds == reflect.TypeFor[Duration]():
		return unitValue[Duration](k, value, `a duration such as "24h"`)
	case k.holds == reflect.TypeFor[Rate]():
		return unitValue[Rate](k, value, `a rate such as "100/h"`)
	case k.holds.Kind() == reflect.Int:
		if _, ok := value.(int64); !ok {
			return misfit(k.String(), value, "a whole number")
		}
	case k.holds.Kind() == reflect.Slice:
		list, ok := value.([]any)
		if !ok {
			return misfit(k.String(), value, "a list of texts")
		}
		for _, item := range list {
			if _, ok := item.(string); !ok {
				return misfit(k.String(), item, "a text in quotes")
			}
		}
	default:
		if _, ok := value.(string); !ok {
			return misfit(k.String(), value, "a text in quotes")
		}
	}
	return nil
}

// unitValue takes a text; and a number, whose own check says that it needs a unit
// unless it is 0.
func unitValue[T any, P interface {
	*T
	encoding.TextUnmarshaler
}](k key, value any, wanted string) error {
	switch v := value.(type) {
	case int64, string:
		if err := P(new(T)).UnmarshalText(fmt.Append(nil, v)); err != nil {
			return fmt.Errorf("%s: %w", k, err)
		}
		return nil
	}
	return misfit(k.String(), value, wanted)
}

func misfit(key string, value any, wanted string) error {
	switch v := value.(type) {
	case string:
		return fmt.Errorf("%s: %q is a text, where %s belongs", key, v, wanted)
	case int64:
		return fmt.Errorf("%s: %d is a number, where %s belongs", key, v, wanted)
	case float64:
		return fmt.Errorf("%s: %v is a number with a fraction, where %s belongs", key, v, wanted)
	case bool:
		return fmt.Errorf("%s: %t is not %s", key, v, wanted)
	case time.Time:
		return fmt.Errorf("%s: a date is there, where %s belongs", key, wanted)
	case []any, []map[string]any:
		return fmt.Errorf("%s: a list is there, where %s belongs", key, wanted)
	}
	return fmt.Errorf("%s: a section is there, where %s belongs", key, wanted)
}
