package check

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Style says how findings are shown to people.
type Style struct {
	Symbols bool // in front of the words; for a terminal
	Colour  bool
}

// marks are the symbol and the colour (SGR) of each outcome.
var marks = map[Status]struct{ symbol, colour string }{
	OK:      {"✓", "32"},
	Warning: {"!", "33"},
	Fault:   {"✗", "31"},
	Skipped: {"-", "2"},
}

// WriteText writes a line for each finding, and beneath each fault what to do about it.
func WriteText(w io.Writer, findings []Finding, style Style) error {
	var text strings.Builder
	width := 0
	for _, f := range findings {
		width = max(width, utf8.RuneCountInString(f.Check))
	}
	for _, f := range findings {
		fmt.Fprintf(&text, "%s  %-*s  %s: %s\n", style.mark(f.Status), width, f.Check, printable(f.Subject), printable(f.Message))
		if f.Fix != "" {
			fmt.Fprintf(&text, "%*s  do: %s\n", style.markWidth()+2+width, "", printable(f.Fix))
		}
	}
	fmt.Fprintln(&text, Summary(findings))
	_, err := io.WriteString(w, text.String())
	return err
}

// printable leaves out what would steer a terminal: anybody may write anything into a
// CAA record.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return utf8.RuneError
	}, text)
}

// statusWidth is that of the longest word.
const statusWidth = len(Warning)

func (s Style) mark(status Status) string {
	word := fmt.Sprintf("%-*s", statusWidth, status)
	if s.Symbols {
		word = marks[status].symbol + " " + word
	}
	if s.Colour {
		word = "\x1b[" + marks[status].colour + "m" + word + "\x1b[0m"
	}
	return word
}

func (s Style) markWidth() int {
	if s.Symbols {
		return statusWidth + 2
	}
	return statusWidth
}

// Summary counts: "2 faults, 1 warning, 12 ok".
func Summary(findings []Finding) string {
	var parts []string
	for _, p := range []struct {
		status    Status
		one, many string
	}{{Fault, "fault", "faults"}, {Warning, "warning", "warnings"}, {Skipped, "skipped", "skipped"}, {OK, "ok", "ok"}} {
		switch n := Count(findings, p.status); n {
		case 0:
		case 1:
			parts = append(parts, "1 "+p.one)
		default:
			parts = append(parts, fmt.Sprintf("%d %s", n, p.many))
		}
	}
	return strings.Join(parts, ", ")
}

// WriteJSON writes the findings as one array.
func WriteJSON(w io.Writer, findings []Finding) error {
	if findings == nil {
		findings = []Finding{}
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(findings)
}
