package zonetext

import (
	"fmt"
	"iter"
	"strings"

	"github.com/miekg/dns"
)

// SameBut reads both with the DNS library and requires that new has the records of
// old, but for the SOA's serial, without those in removed and with those in added
// besides; TTLs count, the case of owners doesn't. A record that the library can't
// read has to stay as it is written. The error names the first difference.
func SameBut(old, new *Tree, added, removed []dns.RR) error {
	before, after := append(old.read(), data(added)...), new.read()
	wanted := make(map[datum]int)
	for _, d := range before {
		wanted[d]++
	}
	for _, d := range data(removed) {
		if wanted[d]--; wanted[d] < 0 {
			return fmt.Errorf("%s: there is no record %q to be removed", old.root.file.name, d.text)
		}
	}
	return compare(new.root.file.name, wanted, before, after)
}

// compare says first what is too much, then what is missing, in the order of the file.
func compare(file string, wanted map[datum]int, before, after []datum) error {
	for _, d := range after {
		if wanted[d]--; wanted[d] < 0 {
			return fmt.Errorf("%s: the change would also make the record %q", file, d.text)
		}
	}
	for _, d := range before {
		if wanted[d] > 0 {
			return fmt.Errorf("%s: the change would also lose the record %q", file, d.text)
		}
	}
	return nil
}

// datum is a record in a form that is the same for the same data.
type datum struct {
	text  string
	under string // the $ORIGIN and $TTL for one that the library can't read
}

// read returns the records as the library reads them. One that it can't read, of a
// type that came after it, say, stays as it is written, and so does $GENERATE.
func (t *Tree) read() []datum {
	var all []datum
	ttl := uint32(defaultTTL)
	for s := range t.steps() {
		if s.kind == isTTLDirective {
			ttl, _ = seconds(unquoted(s.file.at(s.rrtype)))
			continue
		}
		d := datum{s.onOneLine(), fmt.Sprint(s.origin, ttl)}
		if rr := readLine(ttl, s.origin, d.text); rr != nil && s.kind == isRecord {
			d = datumOf(rr)
		}
		all = append(all, d)
	}
	return all
}

// readLine has the library read one record, nil if it can't. It is given on a line of
// its own, since the library takes a line end within parentheses for nothing at all,
// and a TTL from the record before, which NSD doesn't.
func readLine(ttl uint32, origin, line string) dns.RR {
	parser := dns.NewZoneParser(strings.NewReader(line+"\n"), origin, "")
	parser.SetDefaultTTL(ttl)
	rr, ok := parser.Next()
	if _, more := parser.Next(); !ok || more || parser.Err() != nil {
		return nil
	}
	return rr
}

func (s step) onOneLine() string {
	var line strings.Builder
	line.WriteString(s.name)
	for field := range s.afterOwner() {
		line.WriteByte(' ')
		line.Write(field)
	}
	return line.String()
}

// afterOwner gives the fields behind the owner. NSD takes quotes around TTL, class,
// type and the values of an SOA, the library doesn't.
func (s step) afterOwner() iter.Seq[[]byte] {
	soa := s.isType("SOA")
	return func(yield func([]byte) bool) {
		for field := range s.fields() {
			if field == s.owner {
				continue
			}
			text := s.file.at(field)
			if soa || field.end <= s.rrtype.end {
				text = unquoted(text)
			}
			if !yield(text) {
				return
			}
		}
	}
}

func data(records []dns.RR) []datum {
	list := make([]datum, len(records))
	for i, rr := range records {
		list[i] = datumOf(rr)
	}
	return list
}

func datumOf(rr dns.RR) datum {
	rr = dns.Copy(rr)
	rr.Header().Name = absolute([]byte(rr.Header().Name), ".")
	if soa, ok := rr.(*dns.SOA); ok {
		soa.Serial = 0
	}
	return datum{text: strings.ReplaceAll(rr.String(), "\t", " ")}
}
