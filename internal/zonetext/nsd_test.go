package zonetext

import (
	"bytes"
	"cmp"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zone"
)

// TestNSDReadsTheSame makes small changes to files of the corpus and holds what we see
// in them to what NSD sees, where it takes them: the serial, nothing but the serial
// after it was spliced, and one record more after a line was added.
// ACMEZONE_ZONETEXT_MUTATIONS says how many files, ACMEZONE_ZONETEXT_SEED which.
func TestNSDReadsTheSame(t *testing.T) {
	rounds, seed := number(t, "ACMEZONE_ZONETEXT_MUTATIONS", 200), number(t, "ACMEZONE_ZONETEXT_SEED", 1)
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	names := corpusNames(t, corpus)
	var taken, refusals int
	for range rounds {
		name := names[random.IntN(len(names))]
		if name == "very-long-lines" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(corpus, name))
		if err != nil {
			t.Fatal(err)
		}
		n := &nsdCase{T: t, dir: copyOf(t, name), name: name, text: mutated(random, text)}
		if n.check() {
			taken++
		}
		refusals += n.refused
		if t.Failed() {
			t.Fatalf("seed %d, of %s:\n%q", seed, name, n.text)
		}
	}
	t.Logf("NSD took %d of %d, of which we refuse %d", taken, rounds, refusals)
	if taken < rounds/20 {
		t.Errorf("NSD took %d of %d: that shows nothing", taken, rounds)
	}
}

func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv(variable), strconv.Itoa(otherwise)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// mutated puts, takes away, and doubles a few pieces.
func mutated(random *rand.Rand, text []byte) []byte {
	pieces := []string{
		"\n", "\r\n", "\r", "\t", " ", "\"", "(", ")", ";", "\\", "\\\\", ".", "@", "$", "$TTL 1\n", "$ORIGIN a.example.org.\n",
		"0", "1", "a", "SOA", "IN", "TXT", "1h", "\\#", "\\[", "\\;", "\\\"", "\\010", "\x00", "\xff", " ( ", " ) ", ";\n", "\n ", "\\\n",
	}
	text = bytes.Clone(text)
	for range 1 + random.IntN(3) {
		at := random.IntN(len(text) + 1)
		end := min(len(text), at+random.IntN(4))
		switch random.IntN(4) {
		case 0:
			text = slices.Delete(text, at, end)
		case 1:
			text = slices.Insert(text, at, text[at:end]...)
		default:
			text = slices.Insert(text, at, []byte(pieces[random.IntN(len(pieces))])...)
		}
	}
	return text
}

type nsdCase struct {
	*testing.T
	dir, name string
	text      []byte
	refused   int
}

// check reports whether NSD takes the file.
func (n *nsdCase) check() bool {
	write(n.T, filepath.Join(n.dir, n.name), n.text)
	old, err := checkzone(n.T, n.dir, n.name)
	if err != nil {
		return false
	}
	tree, err := Load(n.name, n.dir, "example.org", os.ReadFile)
	if err != nil {
		n.refused++
		n.mayBeRefused(err)
		return true
	}
	file, err := tree.SOAFile()
	if err != nil {
		n.Errorf("NSD has an SOA: %v", err)
		return true
	}
	soa, _ := file.SOA()
	n.seesSerial(old, soa.Serial)
	n.seesRecords(old, tree)
	n.seesSplice(file, soa, old)
	n.seesLine(tree, old)
	return true
}

// mayBeRefused are the faults that NSD doesn't mind.
var mayBeRefused = regexp.MustCompile(`parenthesis that opens here isn't closed|carriage return|NUL byte|backslash|is no directive|serial "\\"|serial ".*\\|is no plain number|the \$TTL "|\$ at the beginning|parenthesis at the beginning|bit label`)

func (n *nsdCase) mayBeRefused(err error) {
	if !mayBeRefused.MatchString(err.Error()) {
		n.Errorf("NSD takes it: %v", err)
	}
}

var printedSerial = regexp.MustCompile(`(\tSOA\t[^\n]* \(\n\t\t)([0-9]+)( )`)

func (n *nsdCase) seesSerial(printed []byte, want zone.Serial) {
	m := printedSerial.FindSubmatch(printed)
	if m == nil || string(m[2]) != strconv.FormatUint(uint64(want), 10) {
		n.Errorf("NSD doesn't have %d:\n%s", want, printed)
	}
}

// seesRecords leaves TTLs out: NSD gives an RRset that of its first record.
func (n *nsdCase) seesRecords(printed []byte, tree *Tree) {
	var theirs, ours []string
	parser := dns.NewZoneParser(bytes.NewReader(printed), "", "")
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		theirs = append(theirs, withoutTTL(datumOf(rr).text))
	}
	for _, d := range read(tree.written()) {
		if d.origin != "" {
			return // only NSD reads it
		}
		ours = append(ours, withoutTTL(d.text))
	}
	slices.Sort(theirs)
	slices.Sort(ours)
	difference := gocmp.Diff(slices.Compact(theirs), slices.Compact(ours))
	if parser.Err() == nil && difference != "" {
		n.Errorf("NSD has other records:\n%s", difference)
	}
}

// withoutTTL goes by way of the wire, where there is but one way to write a name.
func withoutTTL(record string) string {
	rr, err := dns.NewRR(record)
	if err != nil {
		return record
	}
	rr.Header().Ttl = 0
	wire := make([]byte, dns.MaxMsgSize)
	end, err := dns.PackRR(rr, wire, 0, nil, false)
	if err != nil {
		return record
	}
	if rr, _, err = dns.UnpackRR(wire[:end], 0); err != nil {
		return record
	}
	return told(rr)
}

func (n *nsdCase) seesSplice(file *File, soa SOA, old []byte) {
	next := soa.Serial + 1
	write(n.T, file.Name(), file.WithSerial(next))
	printed, err := checkzone(n.T, n.dir, n.name)
	if err != nil {
		n.Errorf("NSD refuses it with the serial %d", next)
	}
	n.seesSerial(printed, next)
	if without := printedSerial.ReplaceAll(printed, []byte("$1$3")); !bytes.Equal(without, printedSerial.ReplaceAll(old, []byte("$1$3"))) {
		n.Errorf("NSD reads more than another serial:\n%s\nnot\n%s", printed, old)
	}
	write(n.T, file.Name(), file.Text())
}

func (n *nsdCase) seesLine(tree *Tree, old []byte) {
	main := tree.Files()[0]
	write(n.T, main.Name(), main.WithLine(added))
	printed, err := checkzone(n.T, n.dir, n.name)
	if err != nil {
		n.Errorf("NSD refuses it with a line at the end")
	}
	if got, want := len(records(printed)), len(records(old))+1; got != want || !strings.Contains(string(printed), "8e57.auth.example.net.") {
		n.Errorf("NSD reads %d records, not %d:\n%s", got, want, printed)
	}
}

// records are the printed lines that are records.
func records(printed []byte) []string {
	return regexp.MustCompile(`(?m)^[^$;\t\n]*\t[0-9]+\tIN\t.*$`).FindAllString(string(printed), -1)
}
