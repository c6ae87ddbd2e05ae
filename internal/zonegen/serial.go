package zonegen

import (
	"errors"
	"fmt"
	"io"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zone"
)

// ReadSerial returns the serial of the first SOA record in a zone file, whoever wrote
// it. It reads no further, and includes no other files.
func ReadSerial(r io.Reader, apex string) (zone.Serial, error) {
	parser := dns.NewZoneParser(r, apex, "")
	parser.SetDefaultTTL(3600)
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		if soa, isSOA := rr.(*dns.SOA); isSOA {
			return zone.Serial(soa.Serial), nil
		}
	}
	if err := parser.Err(); err != nil {
		return 0, fmt.Errorf("no SOA record could be read: %w", err)
	}
	return 0, errors.New("there is no SOA record in it")
}
