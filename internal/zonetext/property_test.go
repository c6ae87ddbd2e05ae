package zonetext

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/acmezone/acmezone/internal/zone"
)

// layout writes a zone file the way some hand might have, and knows where it put the
// serial.
type layout struct {
	*rapid.T
	text   strings.Builder
	ending string
	serial zone.Serial
	at     int // where the serial's digits are
	digits int // how many
}

func (l *layout) pick(what string, from ...string) string {
	return rapid.SampledFrom(from).Draw(l.T, what)
}

func (l *layout) write(s string) { l.text.WriteString(strings.ReplaceAll(s, "\n", l.ending)) }

func drawLayout(t *rapid.T) *layout {
	l := &layout{T: t}
	l.ending = l.pick("line ending", "\n", "\r\n")
	l.others("before")
	l.soa()
	l.others("after")
	l.write(l.pick("end", "", "\n", "\n; the end", "\n\n  ", "\nlast TXT \"x\""))
	return l
}

// others are lines that have everything that could be taken for a serial.
func (l *layout) others(where string) {
	for range rapid.IntRange(0, 4).Draw(l.T, "lines "+where) {
		l.write(l.pick("line", "", "; @ IN SOA a b (7 7 7 7 7)", "$TTL 1h ; 7", "www A 192.0.2.1", "SOA IN 60 TXT SOA",
			"a TXT \"SOA a b ( 7\" ; \"", "b TXT ( \"one\" ; )\n\"two\"\n) ; (", "c TXT \"over\n@ SOA a b 7 7 7 7 7\nlines\"",
			"d TXT \\\" \\( \\; \\) \\\\x", "$ORIGIN example.org.", "\t60 IN MX 10 mail", "3600 3600 A 192.0.2.1",
			"IN IN A 192.0.2.1", "x TYPE65280 \\# 2 (\n 00\n 07 )"))
		l.write("\n")
	}
}

func (l *layout) soa() {
	l.write(l.pick("owner", "@", "example.org.", "EXAMPLE.org.", `\101xample.org.`, `"example".org.`))
	l.write(l.pick("blank", " ", "\t", " \t "))
	open := false
	gap := func(required bool) { open = l.gap(open, required) }
	gap(false)
	for _, word := range strings.Fields(l.pick("TTL and class", "", "IN", "in", "3600", "1h30m IN", "IN 0", "CLASS1 1w")) {
		l.write(word)
		gap(true)
	}
	l.write(l.pick("type", "SOA", "soa", "TYPE6", `"Soa"`))
	for i := range soaFields {
		gap(true)
		if i == 2 {
			l.writeSerial()
		} else {
			l.write(l.pick("value", "7", "2024010101", "7", "1"))
		}
	}
	if open {
		l.write(l.pick("closing", ")", " )", "\n)", " ; 7\n )"))
	}
	l.write(l.pick("comment", "", " ; 2024010101 (", ";\"") + "\n")
}

// gap writes what may stand between two words, and reports whether a parenthesis is
// open then.
func (l *layout) gap(open, required bool) bool {
	if !open {
		gap := l.pick("gap", " ", "\t", " ", "(", " ( ", "(\n", " ( ; 7 (\n", " ( \"x\"")
		gap = strings.TrimSuffix(gap, "\"x\"")
		if !required && rapid.Bool().Draw(l.T, "none") {
			return open
		}
		l.write(gap)
		return strings.HasPrefix(strings.TrimLeft(gap, " \t"), "(")
	}
	gap := l.pick("gap in parentheses", " ", "\n", "\n\t", " ; 7 ) \"\n", ")", " ) ", ";\n\n;7\n ", "\n ) ( ")
	l.write(gap)
	return !strings.HasSuffix(strings.TrimRight(gap, " "), ")")
}

func (l *layout) writeSerial() {
	l.serial = zone.Serial(rapid.OneOf(rapid.Just[uint32](7), rapid.Just[uint32](2024010101), rapid.Uint32()).Draw(l.T, "serial"))
	digits := l.pick("zeros", "", "", "000") + strconv.FormatUint(uint64(l.serial), 10)
	quotes := l.pick("quotes", "", "", "", "\"")
	l.write(quotes)
	l.at, l.digits = l.text.Len(), len(digits)
	l.write(digits + quotes)
}

func TestSplicingChangesNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLayout(t)
		text := l.text.String()
		file, err := Parse("f", []byte(text), "example.org.")
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		soa, ok := file.SOA()
		if !ok || soa.Serial != l.serial || soa.start != l.at || soa.end != l.at+l.digits || soa.Owner != "example.org." {
			t.Fatalf("%+v, %v, not %d at %d in\n%s", soa, ok, l.serial, l.at, text)
		}
		next := zone.Serial(rapid.Uint32().Draw(t, "next"))
		changed := string(file.WithSerial(next))
		before, after := text[:l.at], text[l.at+l.digits:]
		digits := strings.TrimSuffix(strings.TrimPrefix(changed, before), after)
		if got, err := strconv.ParseUint(digits, 10, 32); err != nil || uint32(got) != uint32(next) || before+digits+after != changed {
			t.Fatalf("%q became %q", text, changed)
		}
		again, err := Parse("f", []byte(changed), "example.org.")
		if err != nil {
			t.Fatal(err)
		}
		if soa, _ := again.SOA(); soa.Serial != next {
			t.Fatalf("%+v after %d", soa, next)
		}
	})
}

func TestALineAddedAndRemovedIsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLayout(t)
		file, err := Parse("f", []byte(l.text.String()), "example.org.")
		if err != nil {
			t.Fatal(err)
		}
		line := rapid.SampledFrom([]string{added, "$INCLUDE /var/lib/acmezone/snippets/example.org"}).Draw(t, "line added")
		longer, err := Parse("f", file.WithLine(line), "example.org.")
		if err != nil {
			t.Fatal(err)
		}
		last := longer.entries[len(longer.entries)-1]
		if got := withoutNewline(longer.at(last.whole)); got != line || len(longer.entries) != len(file.entries)+1 {
			t.Fatalf("the last line is %q", got)
		}
		back, n := longer.WithoutLines(func(l string) bool { return l == line })
		want := file.text
		if !bytes.HasSuffix(want, []byte("\n")) {
			want = append(bytes.Clone(want), file.lineEnding()...)
		}
		if n != 1 || !bytes.Equal(back, want) {
			t.Fatalf("%d lines less are %q, not %q", n, back, want)
		}
	})
}
