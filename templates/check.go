package templates

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// commentsAround reports a line of a zone file that is neither empty, nor a comment,
// nor one of the records, and a record that isn't there: what a template gets wrong
// would be served.
func commentsAround(records []string, text string) error {
	var found []string
	for i, line := range strings.Split(text, "\n") {
		record := recordOf(line, records)
		if record == "" && !isComment(line) {
			return fmt.Errorf("line %d of its output, %.60q, would be zone data: %s", i+1, line, instead(records))
		}
		found = append(found, record)
	}
	for _, r := range records {
		if !slices.Contains(found, r) {
			return fmt.Errorf("it leaves out the record %q", r)
		}
	}
	return nil
}

func instead(records []string) string {
	if len(records) == 0 {
		return "begin it with ';'"
	}
	return "begin it with ';', or print a record as it was given"
}

// isComment takes no control characters: a carriage return ends a line for some who
// read zone files and not for others.
func isComment(line string) bool {
	control := func(r rune) bool { return unicode.IsControl(r) && r != '\t' }
	return (strings.Trim(line, " \t") == "" || line[0] == ';') && !strings.ContainsFunc(line, control)
}

// recordOf returns the record that the line is, with or without a comment behind it,
// or "".
func recordOf(line string, records []string) string {
	for _, r := range records {
		rest, begins := strings.CutPrefix(line, r)
		if rest = strings.TrimLeft(rest, " \t"); begins && (rest == "" || rest[0] == ';' && isComment(rest)) {
			return r
		}
	}
	return ""
}

// readable takes out of an error of text/template what only a Go programmer reads,
// and says what there is where a template asks for something else. The file and the
// line stay.
func readable(err error, name string, d data) error {
	text := strings.TrimPrefix(err.Error(), "template: ")
	text = strings.Replace(text, fmt.Sprintf("executing %q at ", name), "", 1)
	if d != nil {
		text = strings.Replace(text, fmt.Sprintf(" in type %T", d), "; there are "+fieldsOf(d), 1)
	}
	return errors.New(text)
}

func fieldsOf(d data) string {
	var names []string
	for _, f := range reflect.VisibleFields(reflect.TypeOf(d)) {
		names = append(names, "."+f.Name)
	}
	return strings.Join(names, ", ")
}
