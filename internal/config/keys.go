package config

import (
	"iter"
	"reflect"
	"strings"
)

// key is one key of the configuration, as the fields of Config define it.
type key struct {
	section, name string       // "zone", "name"
	path          []int        // of the section's field in Config, and of the key's in the section
	holds         reflect.Type // the type of its field
}

func (k key) String() string { return k.section + "." + k.name }

// variable is what overrides it in the environment.
func (k key) variable() string { return prefix + strings.ToUpper(k.section+"_"+k.name) }

// keys goes through all keys in the order of the fields.
func keys() iter.Seq[key] {
	return func(yield func(key) bool) {
		root := reflect.TypeFor[Config]()
		for i := range root.NumField() {
			if f := root.Field(i); f.IsExported() && !section(f, i, yield) {
				return
			}
		}
	}
}

func section(f reflect.StructField, i int, yield func(key) bool) bool {
	fields := f.Type
	if fields.Kind() == reflect.Pointer {
		fields = fields.Elem()
	}
	for j := range fields.NumField() {
		field := fields.Field(j)
		if !yield(key{f.Tag.Get("toml"), field.Tag.Get("toml"), []int{i, j}, field.Type}) {
			return false
		}
	}
	return true
}

// knownNames returns every section and key, as "zone" and "zone.name".
func knownNames() []string {
	var names []string
	last := ""
	for k := range keys() {
		if k.section != last {
			last = k.section
			names = append(names, last)
		}
		names = append(names, k.String())
	}
	return names
}
