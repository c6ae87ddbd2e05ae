package zonetext

import (
	"fmt"
	"iter"
	"strings"

	"github.com/miekg/dns"
)

// SameBut requires that new has the records of old, but for the SOA's serial, without
// those in removed and with those in added besides; TTLs count, the case of owners
// doesn't. What isn't written in the same way in both is read with the DNS library;
// what that can't read has to stay as it is written. The error names the first
// difference.
func SameBut(old, new *Tree, added, removed []dns.RR) error {
	was, is := old.written(), new.written()
	before, after := append(read(without(was, is)), data(added)...), read(without(is, was))
	wanted := make(map[datum]int)
	for _, d := range before {
		wanted[d]++
	}
	for _, d := range data(removed) {
		if wanted[d]--; wanted[d] < 0 {
			return fmt.Errorf("%s: the change doesn't remove the record %q", new.root.file.name, d.text)
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

// datum is a record as it is written, or, with neither origin nor TTL, as the library
// has read it: then it is the same for the same data.
type datum struct {
	text   string
	origin string
	ttl    uint32 // of $TTL
}

// written returns the records, each on a line of its own.
func (t *Tree) written() []datum {
	var all []datum
	ttl := uint32(defaultTTL)
	for s := range t.steps() {
		if s.kind == isTTLDirective {
			ttl, _ = seconds(unquoted(s.file.at(s.rrtype)))
			continue
		}
		all = append(all, datum{s.onOneLine(), s.origin, ttl})
	}
	return all
}

// without takes away what is written in the same way in others: that needn't be read.
func without(list, others []datum) []datum {
	there := make(map[datum]int, len(others))
	for _, d := range others {
		there[d]++
	}
	var rest []datum
	for _, d := range list {
		if there[d]--; there[d] < 0 {
			rest = append(rest, d)
		}
	}
	return rest
}

// read has the library read what it can. The rest stays as it is written: records of a
// type that came after it, say, and $GENERATE.
func read(list []datum) []datum {
	for i, d := range list {
		if rr := d.read(); rr != nil {
			list[i] = datumOf(rr)
		}
	}
	return list
}

// read gives the library one record on a line of its own, since it takes a line end
// within parentheses for nothing at all, and a TTL from the record before, which NSD
// doesn't.
func (d datum) read() dns.RR {
	parser := dns.NewZoneParser(strings.NewReader(d.text+"\n"), d.origin, "")
	parser.SetDefaultTTL(d.ttl)
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
