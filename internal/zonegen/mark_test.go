package zonegen

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func written(t *testing.T) string {
	t.Helper()
	var file bytes.Buffer
	if err := Write(&file, definition(t, "@ A 198.51.100.1"), snapshot("a "+value, "b "+value)); err != nil {
		t.Fatal(err)
	}
	return file.String()
}

func TestProven(t *testing.T) {
	whole := written(t)
	lines := strings.SplitAfter(whole, "\n")
	for _, c := range []struct {
		name, text string
		want       error
	}{
		{"whole", whole, nil},
		{"empty", "", ErrNoMark},
		{"cut off at a line end", strings.Join(lines[:len(lines)-2], ""), ErrNoMark},
		{"cut off in the last line", whole[:len(whole)-1], ErrNoMark},
		{"a line is missing", strings.Join(append(lines[:5:5], lines[6:]...), ""), ErrAltered},
		{"a value was changed", strings.Replace(whole, "a-Z_0", "a-Z_1", 1), ErrAltered},
		{"a record was added behind", whole + "x 1 IN A 192.0.2.1\n", ErrNoMark},
		{"the mark of another file", "@ IN SOA a b 1 2 3 4 5\n" + lines[len(lines)-2], ErrAltered},
		{"a mark alone", lines[len(lines)-2], ErrNoMark},
		{"somebody else's", "@ IN SOA a b 1 2 3 4 5\n@ IN NS a\n", ErrNoMark},
	} {
		if err := Proven(strings.NewReader(c.text), int64(len(c.text))); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, not %v", c.name, err, c.want)
		}
	}
}

func TestReadSerial(t *testing.T) {
	for text, want := range map[string]uint32{
		written(t): 42,
		"$TTL 1h\n@ SOA ns hostmaster ( ; comment\n 2026112401 ; serial\n 3600 600 1209600 1 )\n": 2026112401,
	} {
		got, err := ReadSerial(strings.NewReader(text), "auth.example.org.")
		if err != nil || uint32(got) != want {
			t.Errorf("%d %v, not %d, of\n%s", got, err, want, text)
		}
	}
	for _, text := range []string{"", "@ A 192.0.2.1\n", "@ SOA broken\n"} {
		if _, err := ReadSerial(strings.NewReader(text), "auth.example.org."); err == nil {
			t.Errorf("a serial is found in %q", text)
		}
	}
}
