package zonetext

import (
	"strings"
	"testing"

	"github.com/acmezone/acmezone/internal/zone"
)

func mustParse(t *testing.T, text string) *File {
	t.Helper()
	f, err := Parse("f", []byte(text), "example.org")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestWithSerialKeepsTheWidthOfLeadingZeros(t *testing.T) {
	for _, c := range []struct {
		old  string
		next zone.Serial
		want string
	}{
		{"9", 10, "10"},
		{"4294967295", 1, "1"},
		{"0000000012", 13, "0000000013"},
		{"0099", 100, "0100"},
		{"09", 2026112401, "2026112401"},
		{"0", 1, "1"},
		{`"007"`, 8, `"008"`},
	} {
		const before, after = "@ SOA a b (", ";x\n1 1 1 1)"
		got := string(mustParse(t, before+c.old+after).WithSerial(c.next))
		if got != before+c.want+after {
			t.Errorf("%s became %s", c.old, got)
		}
	}
}

func TestWithLine(t *testing.T) {
	for text, want := range map[string]string{
		"":               "LINE\n",
		"a A 1":          "a A 1\nLINE\n",
		"a A 1\n":        "a A 1\nLINE\n",
		"a A 1\r\n":      "a A 1\r\nLINE\r\n",
		"a A 1\r\nb A 1": "a A 1\r\nb A 1\r\nLINE\r\n",
		"a A 1\r\nb\n":   "a A 1\r\nb\nLINE\n",
		"; end":          "; end\nLINE\n",
		"  ":             "  \nLINE\n",
	} {
		if got := string(mustParse(t, text).WithLine("LINE")); got != want {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestWithoutLinesTakesWholeRecords(t *testing.T) {
	const text = "; keep A\n\na A ( 1 ; x\n )\r\n\t; gone\nb TXT \"gone\n\n\" ; gone\n; keep"
	var seen []string
	got, n := mustParse(t, text).WithoutLines(func(line string) bool {
		seen = append(seen, line)
		return strings.Contains(line, "gone")
	})
	if string(got) != "; keep A\n\na A ( 1 ; x\n )\r\n; keep" || n != 2 {
		t.Errorf("%d lines less are %q", n, got)
	}
	if want := "; keep A||a A ( 1 ; x\n )|\t; gone|b TXT \"gone\n\n\" ; gone|; keep"; strings.Join(seen, "|") != want {
		t.Errorf("the lines are %q", seen)
	}
}

func TestAnEmptyFileIsAFile(t *testing.T) {
	f := mustParse(t, "")
	if _, ok := f.SOA(); ok || len(f.WithSerial(7)) != 0 || f.Includes() != nil {
		t.Error("there is something in it")
	}
	if text, n := f.WithoutLines(func(string) bool { return true }); len(text) != 0 || n != 0 {
		t.Errorf("%d lines less are %q", n, text)
	}
}
