package zonetext

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zone"
)

const (
	corpus  = "testdata/corpus"
	refused = "testdata/refused"

	// added is a record that no file of the corpus has.
	added = "_acme-challenge.new.example.org. 300 IN CNAME 8e57.auth.example.net."
)

// serials are those of the files that haven't 2024010101.
var serials = map[string]zone.Serial{
	"made-by-webmin": 1704067201, "serial-is-the-greatest": 4294967295, "serial-of-one-digit": 1,
	"serial-with-leading-zeros": 12, "serial-zero": 0,
}

// notForNSD are the files that NSD 4.6.1 refuses as they are.
var notForNSD = []string{
	"include-and-no-newline-at-the-end", // its lexer gives the last newline to every other end of file
	"origin-relative",                   // it wants it absolute
}

// notForTheLibrary are the files that the library doesn't read, or reads in another
// way than NSD, unless each record is on a line of its own.
var notForTheLibrary = []string{
	"continuation-not-indented", // within parentheses, a line end alone doesn't end a word
	"quotes-around-an-owner", "serial-quoted", "type-quoted",
}

func corpusNames(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names
}

// copyOf makes a folder with a zone file of the corpus, what it may include, and the
// record to be added.
func copyOf(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "inc"), os.DirFS(filepath.Join(corpus, "inc"))); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(corpus, name))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, name), text)
	write(t, filepath.Join(dir, "inc/added"), []byte(added+"\n"))
	return dir
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func load(t *testing.T, dir, name string) *Tree {
	t.Helper()
	tree, err := Load(name, dir, "example.org", os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestCorpusIsLarge(t *testing.T) {
	if n := len(corpusNames(t, corpus)); n < 50 {
		t.Errorf("%d layouts", n)
	}
}

func TestSplicingTheSerial(t *testing.T) {
	for _, name := range corpusNames(t, corpus) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := copyOf(t, name)
			before := readings(t, dir, name)
			tree := load(t, dir, name)
			file, err := tree.SOAFile()
			if err != nil {
				t.Fatal(err)
			}
			soa, ok := file.SOA()
			if !ok || soa.Serial != serialOf(name) {
				t.Fatalf("SOA() = %+v", soa)
			}
			next := zone.SerialIncrement.Next(soa.Serial, clock)
			changed := file.WithSerial(next)
			onlyTheDigitsDiffer(t, file.Text(), changed, soa, next)
			write(t, file.Name(), changed)
			again := load(t, dir, name)
			if err := SameBut(tree, again, nil, nil); err != nil {
				t.Error(err)
			}
			before.sameButSerial(t, readings(t, dir, name), next)
		})
	}
}

func serialOf(name string) zone.Serial {
	if s, ok := serials[name]; ok {
		return s
	}
	return 2024010101
}

func onlyTheDigitsDiffer(t *testing.T, old, changed []byte, soa SOA, next zone.Serial) {
	t.Helper()
	tail := len(old) - soa.end
	digits, err := strconv.ParseUint(string(changed[soa.start:len(changed)-tail]), 10, 32)
	if err != nil || zone.Serial(digits) != next {
		t.Errorf("the digits are %d, %v", digits, err)
	}
	if !bytes.Equal(old[:soa.start], changed[:soa.start]) || !bytes.Equal(old[soa.end:], changed[len(changed)-tail:]) {
		t.Errorf("other bytes differ:\n%s", Unified("zone", old, changed))
	}
	if line := 1 + bytes.Count(old[:soa.start], []byte("\n")); soa.Line != line {
		t.Errorf("the serial is in line %d, not %d", line, soa.Line)
	}
}

func TestALineAtTheEndAndItsRemoval(t *testing.T) {
	for _, name := range corpusNames(t, corpus) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, line := range []string{added, "$INCLUDE inc/added"} {
				insertAndRemove(t, name, line)
			}
		})
	}
}

func insertAndRemove(t *testing.T, name, line string) {
	t.Helper()
	dir := copyOf(t, name)
	before, tree := readings(t, dir, name), load(t, dir, name)
	main := tree.Files()[0]
	text := main.WithLine(line)
	if !bytes.HasPrefix(text, main.Text()) {
		t.Error("what was there has changed")
	}
	write(t, main.Name(), text)
	if slices.Contains(notForNSD, name) && strings.Contains(name, "no-newline") {
		t.Log("with a newline at the end NSD takes it")
	} else {
		before = readingsOf{before.nsd.with(added), before.library.with(added)}
		before.sameButSerial(t, readings(t, dir, name), serialOf(name))
	}
	after := load(t, dir, name)
	if err := SameBut(tree, after, []dns.RR{rr(t, added)}, nil); err != nil {
		t.Error(err)
	}
	gone, n := after.Files()[0].WithoutLines(func(l string) bool { return l == line })
	if rest := bytes.TrimPrefix(gone, main.Text()); n != 1 || len(rest) > 2 || strings.TrimSpace(string(rest)) != "" ||
		len(rest) > 0 && bytes.HasSuffix(main.Text(), []byte("\n")) {
		t.Errorf("%d lines were removed, and this is left: %q", n, rest)
	}
	write(t, main.Name(), gone)
	if err := SameBut(after, load(t, dir, name), nil, []dns.RR{rr(t, added)}); err != nil {
		t.Error(err)
	}
}

func rr(t *testing.T, text string) dns.RR {
	t.Helper()
	rr, err := dns.NewRR(text)
	if err != nil {
		t.Fatal(err)
	}
	return rr
}
