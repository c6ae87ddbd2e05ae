package zonetext

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zone"
)

// seed adds every file of testdata.
func seed(f *testing.F) {
	for _, pattern := range []string{corpus + "/*", corpus + "/inc/*", refused + "/*"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			if text, err := os.ReadFile(path); err == nil && len(text) < 1024 {
				f.Add(text)
			}
		}
	}
}

var oneLine = regexp.MustCompile(`^f:[1-9][0-9]*: [^\n]+$`)

// FuzzParse wants no panic, every offset in the text, and the pieces to be the text.
func FuzzParse(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := Parse("f", text, "example.org.")
		if err != nil {
			if !oneLine.MatchString(err.Error()) {
				t.Errorf("%q", err)
			}
			return
		}
		piecesAreTheText(t, file)
		entriesAreInOrder(t, file)
		tree := &Tree{apex: "example.org.", root: &node{file: file}}
		if len(file.includes) == 0 {
			tree.Obstacle("_acme-challenge.example.org.")
			tree.Signed()
			added, _ := dns.NewRR(added)
			if err := SameBut(tree, withLine(t, tree), []dns.RR{added}, nil); err != nil {
				t.Errorf("%v in %q", err, text)
			}
		}
	})
}

func piecesAreTheText(t *testing.T, file *File) {
	t.Helper()
	var pieces []byte
	for piece := range file.lines {
		if piece.empty() {
			t.Errorf("a piece of nothing at %d in %q", piece.start, file.text)
		}
		pieces = append(pieces, file.at(piece)...)
	}
	if !bytes.Equal(pieces, file.text) {
		t.Errorf("the pieces are %q of %q", pieces, file.text)
	}
	if kept, n := file.WithoutLines(func(string) bool { return false }); n != 0 || !bytes.Equal(kept, file.text) {
		t.Errorf("%q is kept of %q", kept, file.text)
	}
}

func entriesAreInOrder(t *testing.T, file *File) {
	t.Helper()
	end := 0
	for _, e := range file.entries {
		at := []int{end, e.whole.start, e.whole.end, len(file.text)}
		if e.kind == isRecord {
			at = []int{end, e.whole.start, e.owner.start, e.owner.end, e.rrtype.start, e.rrtype.end, e.whole.end, len(file.text)}
		}
		last := 0
		for _, offset := range at {
			if offset != 0 && offset < last { // 0 is for what isn't there
				t.Fatalf("%v isn't in order in %q", at, file.text)
			}
			last = max(last, offset)
		}
		if line := 1 + bytes.Count(file.text[:e.whole.start], []byte("\n")); e.line != line {
			t.Errorf("line %d, not %d, in %q", e.line, line, file.text)
		}
		end = e.whole.end
	}
	if soa, ok := file.SOA(); ok && !allDigits(file.text[soa.start:soa.end]) {
		t.Errorf("the serial is %q in %q", file.text[soa.start:soa.end], file.text)
	}
}

// withLine adds a record, takes it away again, and returns the tree with it.
func withLine(t *testing.T, tree *Tree) *Tree {
	t.Helper()
	old := tree.root.file
	text := old.WithLine(added)
	file, err := Parse("f", text, "example.org.")
	if err != nil {
		t.Fatalf("%v after a line was added to %q", err, old.text)
	}
	present := 0
	back, n := file.WithoutLines(func(line string) bool {
		if line == added {
			present++
		}
		return line == added
	})
	if rest := bytes.TrimPrefix(back, old.text); n != present || n == 1 && len(bytes.Trim(rest, "\r\n")) > 0 {
		t.Errorf("%d lines less are %q, not %q", n, back, old.text)
	}
	return &Tree{apex: tree.apex, root: &node{file: file}}
}

// FuzzSplice holds the serial to the one that the library reads in the text as it is.
func FuzzSplice(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := Parse("f", text, "example.org.")
		if err != nil || readsOtherwise(text) {
			return
		}
		want, ok := onlySOA(text)
		if !ok {
			return
		}
		soa, ok := file.SOA()
		if !ok || soa.Serial != want {
			t.Fatalf("%+v, but the library reads %d in %q", soa, want, text)
		}
		spliced := file.WithSerial(want + 1)
		if got, ok := onlySOA(spliced); !ok || got != want+1 {
			t.Errorf("%d, %v after %d in %q", got, ok, want, spliced)
		}
		if len(spliced)-len(text) > 1 || len(text)-len(spliced) > len(strconv.Itoa(1<<32)) {
			t.Errorf("%q of %q", spliced, text)
		}
	})
}

var wordGoesOn = regexp.MustCompile(`[^ \t\r\n()][()\r\n]+[^ \t\r\n();]`)

// readsOtherwise tells what the library reads in another way than NSD: a word that
// goes on over a parenthesis, or a line end within parentheses. $GENERATE takes long.
func readsOtherwise(text []byte) bool {
	return bytes.ContainsAny(text, "()") && wordGoesOn.Match(text) ||
		bytes.Contains(bytes.ToUpper(text), []byte("$GENERATE"))
}

// onlySOA returns the serial of the SOA record if the library reads the text and
// finds one.
func onlySOA(text []byte) (serial zone.Serial, ok bool) {
	parser := dns.NewZoneParser(strings.NewReader("$TTL 3600\n"+string(text)), "example.org.", "")
	count := 0
	for rr, more := parser.Next(); more; rr, more = parser.Next() {
		if soa, is := rr.(*dns.SOA); is && soa.Ns != "" { // as in a dynamic update
			serial = zone.Serial(soa.Serial)
			count++
		}
	}
	return serial, parser.Err() == nil && count == 1
}
