package zonetext

import (
	"fmt"
	"iter"
	"strings"

	"github.com/miekg/dns"
)

// SameBut reads both with the DNS library and requires that new has the records of
// old, but for the SOA's serial, without those in removed and with those in added
// besides; TTLs count, the case of owners doesn't. The error names the first
// difference.
func SameBut(old, new *Tree, added, removed []dns.RR) error {
	before, err := old.read()
	if err != nil {
		return err
	}
	after, err := new.read()
	if err != nil {
		return err
	}
	wanted := make(map[string]int)
	for _, rr := range append(before, keys(added)...) {
		wanted[rr]++
	}
	for _, rr := range keys(removed) {
		if wanted[rr]--; wanted[rr] < 0 {
			return fmt.Errorf("%s: there is no record %q to be removed", old.root.file.name, rr)
		}
	}
	return compare(new.root.file.name, wanted, after, append(before, keys(added)...))
}

// compare says first what is too much, then what is missing, in the order of the file.
func compare(file string, wanted map[string]int, got, order []string) error {
	for _, rr := range got {
		if wanted[rr]--; wanted[rr] < 0 {
			return fmt.Errorf("%s: the change would also make the record %q", file, rr)
		}
	}
	for _, rr := range order {
		if wanted[rr] > 0 {
			return fmt.Errorf("%s: the change would also lose the record %q", file, rr)
		}
	}
	return nil
}

// read returns the records as the library reads them, in a form that is the same for
// the same data.
func (t *Tree) read() ([]string, error) {
	var all []string
	ttl := "3600" // NSD's default
	for s := range t.steps() {
		switch s.kind {
		case isTTLDirective:
			ttl = string(s.file.at(s.rrtype))
			continue
		case isGenerate:
			return nil, fmt.Errorf("%s: $GENERATE, which isn't read here", s.place())
		}
		rr, err := s.read(ttl)
		if err != nil {
			return nil, fmt.Errorf("%s: the DNS library can't read the record: %w", s.place(), err)
		}
		all = append(all, key(rr))
	}
	return all, nil
}

// read has the library read one record. It is given on a line of its own, since the
// library takes a line end within parentheses for nothing at all, and takes TTLs from
// the record before, which NSD doesn't.
func (s step) read(ttl string) (dns.RR, error) {
	var line strings.Builder
	fmt.Fprintf(&line, "$TTL %s\n%s", ttl, s.name)
	for field := range s.afterOwner() {
		line.WriteByte(' ')
		line.Write(field)
	}
	parser := dns.NewZoneParser(strings.NewReader(line.String()+"\n"), s.origin, "")
	rr, ok := parser.Next()
	if err := parser.Err(); err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("it sees none in %q", line.String())
	}
	return rr, nil
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

func keys(records []dns.RR) []string {
	list := make([]string, len(records))
	for i, rr := range records {
		list[i] = key(rr)
	}
	return list
}

func key(rr dns.RR) string {
	rr = dns.Copy(rr)
	rr.Header().Name = absolute([]byte(rr.Header().Name), ".")
	if soa, ok := rr.(*dns.SOA); ok {
		soa.Serial = 0
	}
	return strings.ReplaceAll(rr.String(), "\t", " ")
}
