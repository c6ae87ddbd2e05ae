package zonetext

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// faults are the exact errors for the files that are refused, without the name.
var faults = map[string]string{
	"backslash-at-a-line-end":            "3: a backslash at the end of a line",
	"backslash-at-the-end":               "3: a backslash at the end of a line",
	"backslash-escaped-at-a-line-end":    "3: an escaped backslash (\\\\) at the end of a word, which NSD 4.6.1 reads in a way of its own: write it as \\092",
	"backslash-escaped-at-a-word-end":    "3: an escaped backslash (\\\\) at the end of a word, which NSD 4.6.1 reads in a way of its own: write it as \\092",
	"backslash-escaped-before-a-dot":     "3: an escaped backslash (\\\\) at the end of a word, which NSD 4.6.1 reads in a way of its own: write it as \\092",
	"bit-label":                          "3: a bit label (\\[), which is obsolete and refused by NSD",
	"bom":                                "1: a byte order mark, which NSD takes for part of a name: save the file as UTF-8 without one",
	"cr-at-the-end-of-the-file":          "6: a carriage return without a line feed: end lines with LF or CRLF",
	"cr-only":                            "1: a carriage return without a line feed: end lines with LF or CRLF",
	"directive-glued":                    "1: \"$TTL3\" is no directive that NSD knows: those are $TTL, $ORIGIN and $INCLUDE",
	"directive-in-parentheses":           "3: a $ at the beginning of a line within parentheses, where NSD looks for a directive",
	"directive-indented":                 "1: a directive must stand at the beginning of a line",
	"directive-unknown":                  "1: \"$FOO\" is no directive that NSD knows: those are $TTL, $ORIGIN and $INCLUDE",
	"dollar-alone":                       "1: \"$\" is no directive that NSD knows: those are $TTL, $ORIGIN and $INCLUDE",
	"include-over-lines":                 "2: an $INCLUDE over several lines",
	"include-with-three-words":           "2: $INCLUDE with too many values",
	"include-without-a-path":             "2: $INCLUDE without a value",
	"nul":                                "3: a NUL byte: a zone file is plain text",
	"origin-with-an-empty-label":         "1: the origin \"a..b.\" is no domain name",
	"origin-without-a-name":              "1: $ORIGIN without a value",
	"parentheses-nested":                 "2: a parenthesis within parentheses",
	"parenthesis-at-the-beginning":       "2: a parenthesis at the beginning of a line, where an owner belongs",
	"parenthesis-not-opened":             "2: a closing parenthesis that none has opened",
	"parenthesis-open":                   "2: the parenthesis that opens here isn't closed",
	"quote-ends-in-a-backslash":          "3: the quote that opens here isn't closed",
	"quote-open":                         "3: the quote that opens here isn't closed",
	"quote-open-at-the-end":              "3: the quote that opens here isn't closed",
	"serial-empty":                       "2: the serial \"\\\"\\\"\" is no plain number up to 4294967295",
	"serial-escaped":                     "2: the serial \"2\\\\0482\\\\052010101\" is no plain number up to 4294967295",
	"serial-negative":                    "2: the serial \"-1\" is no plain number up to 4294967295",
	"serial-placeholder":                 "2: the serial \"@SERIAL@\" is no plain number up to 4294967295",
	"serial-too-great":                   "2: the serial \"4294967296\" is no plain number up to 4294967295",
	"serial-with-a-blank-in-quotes":      "2: the serial \"\\\"2024 0101\\\"\" is no plain number up to 4294967295",
	"serial-with-a-dot":                  "2: the serial \"2024.0101\" is no plain number up to 4294967295",
	"soa-generic":                        "2: an SOA record with 3 values, not 7: a parenthesis may be missing",
	"soa-over-lines-without-parentheses": "2: an SOA record with 2 values, not 7: a parenthesis may be missing",
	"soa-too-long":                       "2: an SOA record with 8 values, not 7: a parenthesis may be missing",
	"ttl-that-is-none":                   "1: the $TTL \"hour\" is neither a number of seconds nor like 1h30m",
	"ttl-with-two-values":                "1: $TTL with too many values",
	"utf-16":                             "1: a NUL byte: a zone file is plain text",
}

func TestRefused(t *testing.T) {
	names := corpusNames(t, refused)
	if difference := cmp.Diff(names, slices.Sorted(maps.Keys(faults))); difference != "" {
		t.Error(difference)
	}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(refused, name))
		if err != nil {
			t.Fatal(err)
		}
		_, err = Parse(name, text, "example.org.")
		if err == nil {
			t.Errorf("%s is taken", name)
			continue
		}
		if got := strings.TrimPrefix(err.Error(), name+":"); got != faults[name] {
			t.Errorf("%q: %q,", name, got)
		}
	}
}
