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
	shown, hidden := brief(findings)
	for _, f := range shown {
		width = max(width, utf8.RuneCountInString(f.Check))
	}
	for _, f := range shown {
		fmt.Fprintf(&text, "%s  %-*s  %s: %s\n", style.mark(f.Status), width, f.Check, printable(f.Subject), printable(f.Message))
		if f.Fix != "" {
			fmt.Fprintf(&text, "%*s  do: %s\n", style.markWidth()+2+width, "", printable(f.Fix))
		}
	}
	fmt.Fprintln(&text, Summary(findings)+hidden)
	_, err := io.WriteString(w, text.String())
	return err
}

// manyFindings is how many are read line by line.
const manyFindings = 100

// brief leaves out, of a long list, what is well, and says once why many subjects were
// skipped: the few lines with something to do would be lost in it.
func brief(findings []Finding) (shown []Finding, hidden string) {
	if len(findings) <= manyFindings {
		return findings, ""
	}
	skipped := make(map[Finding]int)
	for _, f := range findings {
		switch f.Status {
		case OK:
			hidden = " (not shown: acmezone check --json has all)"
			continue
		case Skipped:
			if skipped[alike(f)]++; skipped[alike(f)] > 1 {
				continue
			}
		}
		shown = append(shown, f)
	}
	for i, f := range shown {
		if n := skipped[alike(f)]; n > 1 {
			shown[i].Subject = fmt.Sprintf("%s and %d more", f.Subject, n-1)
		}
	}
	return shown, hidden
}

// alike is what findings have in common that say the same of different subjects.
func alike(f Finding) Finding {
	f.Subject = ""
	return f
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
