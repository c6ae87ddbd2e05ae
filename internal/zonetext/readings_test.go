package zonetext

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
	"github.com/acmezone/acmezone/internal/zone"
	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// reading is what one program makes of a zone.
type reading struct {
	serial  zone.Serial
	records []string // sorted, with the serial 0
}

// readingsOf are those of NSD and the library, where they take the file.
type readingsOf struct{ nsd, library *reading }

func readings(t *testing.T, dir, name string) readingsOf {
	t.Helper()
	var r readingsOf
	out, err := checkzone(t, dir, name)
	if slices.Contains(notForNSD, name) == (err == nil) {
		t.Errorf("nsd-checkzone: %v\n%s", err, out)
	}
	if err == nil {
		r.nsd = readingBy(t, dns.NewZoneParser(bytes.NewReader(out), "", ""))
	}
	if slices.Contains(notForTheLibrary, name) {
		return r
	}
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	parser := dns.NewZoneParser(bytes.NewReader(append([]byte("$TTL 3600\n"), text...)), "example.org.", name)
	parser.SetIncludeAllowed(true)
	parser.SetIncludeFS(zonesdir{os.DirFS(dir)})
	r.library = readingBy(t, parser)
	return r
}

// checkzone has NSD read a file and print the zone.
func checkzone(t testing.TB, dir, name string) ([]byte, error) {
	t.Helper()
	cmd := exec.Command(nsdtest.Program(t, "nsd-checkzone", "nsd"), "-p", "example.org", name)
	cmd.Dir = dir
	return cmd.Output()
}

// zonesdir opens what is included as NSD does: the library looks beside the file
// that includes.
type zonesdir struct{ fs.FS }

func (z zonesdir) Open(name string) (fs.File, error) {
	return z.FS.Open(name[strings.LastIndex(name, "inc/"):])
}

func readingBy(t *testing.T, parser *dns.ZoneParser) *reading {
	t.Helper()
	r := new(reading)
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		if soa, is := rr.(*dns.SOA); is {
			r.serial, soa.Serial = zone.Serial(soa.Serial), 0
		}
		r.records = append(r.records, told(rr))
	}
	if err := parser.Err(); err != nil {
		t.Error(err)
	}
	slices.Sort(r.records)
	return r
}

// told is a record without case, its owner spelt in our way.
func told(rr dns.RR) string {
	rr.Header().Name = absolute([]byte(rr.Header().Name), ".")
	return strings.ToLower(rr.String())
}

func (r readingsOf) sameButSerial(t *testing.T, after readingsOf, next zone.Serial) {
	t.Helper()
	for program, pair := range map[string][2]*reading{"NSD": {r.nsd, after.nsd}, "the library": {r.library, after.library}} {
		if pair[0] == nil {
			continue
		}
		if pair[1] == nil || pair[1].serial != next {
			t.Fatalf("%s reads %+v", program, pair[1])
		}
		if difference := cmp.Diff(pair[0].records, pair[1].records); difference != "" {
			t.Errorf("%s reads other records:\n%s", program, difference)
		}
	}
}

func (r *reading) with(record string) *reading {
	if r == nil {
		return nil
	}
	rr, err := dns.NewRR(record)
	if err != nil {
		return nil
	}
	records := append(slices.Clone(r.records), told(rr))
	slices.Sort(records)
	return &reading{r.serial, records}
}

// TestTheTreeHasTheRecordsOfNSD: owners that go on from line to line and file to file,
// origins that come back, TTLs.
func TestTheTreeHasTheRecordsOfNSD(t *testing.T) {
	for _, name := range corpusNames(t, corpus) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := copyOf(t, name)
			out, err := checkzone(t, dir, name)
			if err != nil && slices.Contains(notForNSD, name) {
				return
			}
			want := readingBy(t, dns.NewZoneParser(bytes.NewReader(out), "", ""))
			got := new(reading)
			for _, d := range read(load(t, dir, name).written()) {
				if d.origin != "" {
					t.Errorf("%s isn't read", d.text)
				}
				got.records = append(got.records, told(rr(t, d.text)))
			}
			slices.Sort(got.records)
			if difference := cmp.Diff(want.records, got.records); difference != "" {
				t.Error(difference)
			}
		})
	}
}
