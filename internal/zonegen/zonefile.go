// Package zonegen renders the zone as an RFC 1035 zone file.
package zonegen

import (
	"bufio"
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
	for _, n := range f.liveNames() {
		for _, v := range n.set.Values {
			if slices.Contains(static[n.owner], v.Text) {
				continue
			}
			if !zone.ValidChallenge(v.Text) && f.err == nil {
				f.err = fmt.Errorf("the value %.50q at %s is no challenge value", v.Text, n.owner)
			}
			f.print(plainOwner(n.owner), middle, v.Text, "\"\n")
			f.records++
		}
	}
}

// plainOwner returns an owner as it stands in a file: nearly all are letters, digits and
// hyphens, which stand for themselves; anything else is written by its number (RFC 1035,
// 5.1), since it might mean something there.
func plainOwner(owner string) string {
	if !strings.ContainsFunc(owner, isSpecial) {
		return owner
	}
	var text strings.Builder
	for _, c := range []byte(owner) {
		if isSpecial(rune(c)) {
			fmt.Fprintf(&text, "\\%03d", c)
		} else {
			text.WriteByte(c)
		}
	}
	return text.String()
}

func isSpecial(c rune) bool {
	return (c < 'a' || c > 'z') && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && c != '-' && c != '_' && c != '.'
}

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
	owner string
	set   *zone.RRset
}

// liveNames returns the live names in an order that is the same every time. It holds
// references only: the names themselves are in memory once.
func (f *file) liveNames() []liveName {
	all := make([]liveName, 0, f.snap.Len())
	for owner, set := range f.snap.All() {
		all = append(all, liveName{owner, set})
	}
	slices.SortFunc(all, func(a, b liveName) int { return strings.Compare(a.owner, b.owner) })
	return all
}
