// Package zonegen renders the zone as an RFC 1035 zone file.
package zonegen

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zone"
	"github.com/acmezone/acmezone/templates"
)

// Write is WriteWith with the templates that are part of the program.
func Write(w io.Writer, def *zone.Definition, snap *zone.Snapshot) error {
	return WriteWith(w, templates.Embedded(), def, snap)
}

// WriteWith renders the zone as it is in that snapshot: the SOA, the static records,
// then the challenge TXTs by name, and a last line that counts the records, by
// which a file that was cut off is told from a whole one. Errors are those of w.
func WriteWith(w io.Writer, set *templates.Set, def *zone.Definition, snap *zone.Snapshot) error {
	sum := crc32.New(castagnoli)
	f := &file{w: bufio.NewWriterSize(io.MultiWriter(w, sum), 64<<10), def: def, snap: snap}
	f.err = set.ZoneHeader(f.w, templates.ZoneHeader{
		Zone: strings.TrimSuffix(def.Name(), "."), Serial: uint32(snap.Serial()), LiveNames: snap.Len(),
	})
	f.print("$ORIGIN ", def.Name(), "\n")
	f.record(def.SOA(snap.Serial()))
	for _, rr := range def.Static() {
		f.record(f.withChallengeTTL(rr))
	}
	f.challenges()
	f.flush()
	f.print(endMark(f.records, sum.Sum32()))
	f.flush()
	return f.err
}

// file is a zone file in the making; the first error stays.
type file struct {
	w       *bufio.Writer
	def     *zone.Definition
	snap    *zone.Snapshot
	records int
	err     error
}

func (f *file) print(parts ...string) {
	for _, p := range parts {
		if f.err == nil {
			_, f.err = f.w.WriteString(p)
		}
	}
}

// flush brings what is buffered to the file and into its checksum.
func (f *file) flush() {
	if f.err == nil {
		f.err = f.w.Flush()
	}
}

func (f *file) record(rr dns.RR) {
	f.print(rr.String(), "\n")
	f.records++
}

// withChallengeTTL gives a static TXT the TTL of the challenge TXTs at its name:
// an RRset has one TTL (RFC 2181, 5.2), and some versions of NSD insist.
func (f *file) withChallengeTTL(rr dns.RR) dns.RR {
	if rr.Header().Rrtype != dns.TypeTXT {
		return rr
	}
	owner := strings.TrimSuffix(rr.Header().Name, "."+f.def.Name())
	if set, _ := f.snap.Lookup(owner); set == nil {
		return rr
	}
	rr = dns.Copy(rr)
	rr.Header().Ttl = f.def.ChallengeTTL()
	return rr
}

// challenges writes the challenge TXTs plainly: their alphabet needs no escapes,
// and the library's formatter takes twenty times as long.
func (f *file) challenges() {
	middle := " " + strconv.Itoa(int(f.def.ChallengeTTL())) + " IN TXT \""
	static := f.staticTexts()
	var line []byte
	for _, n := range f.liveNames() {
		line = appendOwner(line[:0], n.owner)
		line = append(line, middle...)
		begin := len(line)
		for _, text := range inOrder(n.set) {
			if slices.Contains(static[n.owner], text) {
				continue
			}
			line = append(append(line[:begin], text...), "\"\n"...)
			f.challenge(n.owner, text, line)
		}
		if f.err != nil {
			return
		}
	}
}

// inOrder returns an RRset's texts in an order that doesn't change when one of them is
// set again: the file is to be the same then.
func inOrder(set *zone.RRset) []string {
	texts := set.Texts()
	slices.Sort(texts)
	return texts
}

// challenge writes one line, of a value that needs no escapes.
func (f *file) challenge(owner, text string, line []byte) {
	if f.err == nil && !zone.ValidChallenge(text) {
		f.err = fmt.Errorf("the value %.50q at %s is no challenge value", text, owner)
	}
	if f.err == nil {
		_, f.err = f.w.Write(line)
	}
	f.records++
}

// appendOwner adds an owner as it stands in a file: nearly all are letters, digits and
// hyphens, which stand for themselves; anything else is written by its number (RFC 1035,
// 5.1), since it might mean something there.
func appendOwner(line []byte, owner string) []byte {
	for i := range len(owner) {
		if c := owner[i]; isPlain[c] {
			line = append(line, c)
		} else {
			line = fmt.Appendf(line, "\\%03d", c)
		}
	}
	return line
}

// isPlain tells the octets that stand for themselves.
var isPlain = func() (plain [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") {
		plain[c] = true
	}
	return plain
}()

// staticTexts returns the static TXT values by owner: an RRset holds a value once
// (RFC 2181, 5).
func (f *file) staticTexts() map[string][]string {
	texts := make(map[string][]string)
	for _, rr := range f.def.Static() {
		if txt, ok := rr.(*dns.TXT); ok {
			owner := strings.TrimSuffix(txt.Hdr.Name, "."+f.def.Name())
			texts[owner] = append(texts[owner], strings.Join(txt.Txt, ""))
		}
	}
	return texts
}

// liveName is a name and its values, which the snapshot holds.
type liveName struct {
	first uint64 // the name's first eight octets, which decide nearly always
	owner string
	set   *zone.RRset
}

// liveNames returns the live names in an order that is the same every time. It holds
// references only: the names themselves are in memory once.
func (f *file) liveNames() []liveName {
	all := make([]liveName, 0, f.snap.Len())
	for owner, set := range f.snap.All() {
		all = append(all, liveName{firstOctets(owner), owner, set})
	}
	slices.SortFunc(all, func(a, b liveName) int {
		if a.first != b.first {
			return cmp.Compare(a.first, b.first)
		}
		return strings.Compare(a.owner, b.owner)
	})
	return all
}

// firstOctets orders names as strings.Compare does, as far as it reaches.
func firstOctets(name string) uint64 {
	var octets [8]byte
	copy(octets[:], name)
	return binary.BigEndian.Uint64(octets[:])
}
