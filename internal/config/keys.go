package config

import (
	"reflect"
	"strings"
)

// knownKeys returns every section and key, as "zone" and "zone.name".
func knownKeys() []string {
	var keys []string
	eachKey(func(section, key string, _ []int) {
		if len(keys) == 0 || !strings.HasPrefix(keys[len(keys)-1], section) {
			keys = append(keys, section)
		}
		keys = append(keys, section+"."+key)
	})
	return keys
}

// eachKey calls do for each key with the path of its field in Config.
func eachKey(do func(section, key string, path []int)) {
	root := reflect.TypeFor[Config]()
	for i := range root.NumField() {
		section := root.Field(i)
		fields := section.Type
		if fields.Kind() == reflect.Pointer {
			fields = fields.Elem()
		}
		for j := range fields.NumField() {
			do(section.Tag.Get("toml"), fields.Field(j).Tag.Get("toml"), []int{i, j})
		}
	}
}

// nearest returns the word that differs least, if that is by no more than a third
// of its letters.
func nearest(word string, words []string) string {
	best, least := "", len(word)/3+1
	for _, w := range words {
		if d := distance(word, w); d < least {
			best, least = w, d
		}
	}
	return best
}

// distance is Levenshtein's: how many letters to add, drop or change.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
