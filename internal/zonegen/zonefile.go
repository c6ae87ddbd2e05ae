// Package zonegen renders the zone as an RFC 1035 zone file.
package zonegen

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zone"
	"github.com/acmezone/acmezone/templates"
)

// Write renders the zone as it is in that snapshot: the SOA, the static records,
// then the challenge TXTs by name, and a last line that counts the records, by
// which a file that was cut off is told from a whole one. Errors are those of w.
func Write(w io.Writer, def *zone.Definition, snap *zone.Snapshot) error {
	f := &file{w: bufio.NewWriter(w), def: def, snap: snap}
	f.err = templates.WriteZoneHeader(f.w, templates.ZoneHeader{
		Zone: strings.TrimSuffix(def.Name(), "."), Serial: uint32(snap.Serial()), LiveNames: snap.Len(),
	})
	f.print("$ORIGIN ", def.Name(), "\n")
	f.record(def.SOA(snap.Serial()))
	for _, rr := range def.Static() {
		f.record(f.withChallengeTTL(rr))
	}
	f.challenges()
	f.print("; end of zone: ", strconv.Itoa(f.records), " records\n")
	if f.err != nil {
		return f.err
	}
	return f.w.Flush()
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
	for _, owner := range f.owners() {
		set, _ := f.snap.Lookup(owner)
		for _, v := range set.Values {
			if static[owner+" "+v.Text] {
				continue
			}
			if !zone.ValidChallenge(v.Text) && f.err == nil {
				f.err = fmt.Errorf("the value %.50q at %s is no challenge value", v.Text, owner)
			}
			f.print(owner, middle, v.Text, "\"\n")
			f.records++
		}
	}
}

// staticTexts returns the static TXT values, each with its owner before it: an
// RRset holds a value once (RFC 2181, 5).
func (f *file) staticTexts() map[string]bool {
	texts := make(map[string]bool)
	for _, rr := range f.def.Static() {
		if txt, ok := rr.(*dns.TXT); ok {
			owner := strings.TrimSuffix(txt.Hdr.Name, "."+f.def.Name())
			texts[owner+" "+strings.Join(txt.Txt, "")] = true
		}
	}
	return texts
}

// owners returns the live names in an order that is the same every time.
func (f *file) owners() []string {
	owners := make([]string, 0, f.snap.Len())
	for owner := range f.snap.All() {
		owners = append(owners, owner)
	}
	slices.Sort(owners)
	return owners
}
