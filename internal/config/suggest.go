package config

import (
	"fmt"
	"strings"
)

// didYouMean returns the end of a message that proposes one of the words, in that
// format; it is empty if none is alike.
func didYouMean(format, word string, words []string) string {
	if like := nearest(word, words); like != "" {
		return fmt.Sprintf("; did you mean "+format+"?", like)
	}
	return ""
}

// nearest returns the word that differs least, if that is by no more than a third
// of its letters.
func nearest(word string, words []string) string {
	best, least := "", len(word)/3+1
	for _, w := range words {
		if d := distance(strings.ToLower(word), strings.ToLower(w)); d < least {
			best, least = w, d
		}
	}
	return best
}

// longestWord bounds the work of distance; no key is that long.
const longestWord = 80

// distance is Levenshtein's: how many letters to add, drop or change.
func distance(a, b string) int {
	if len(a) > longestWord {
		return len(a)
	}
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

// meant proposes a key for one that isn't known: one of the same name in another
// section if there is only one such, else the one that is spelt most alike.
func meant(unknown string) string {
	name := unknown[strings.LastIndex(unknown, ".")+1:]
	var same []string
	for k := range keys() {
		if k.name == name {
			same = append(same, k.String())
		}
	}
	if len(same) == 1 {
		return fmt.Sprintf("; did you mean %s?", same[0])
	}
	return didYouMean("%s", unknown, knownNames())
}
