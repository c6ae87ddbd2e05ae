package zonegen

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zone"
)

func definition(t testing.TB, records ...string) *zone.Definition {
	t.Helper()
	def, err := zone.Define(zone.Spec{
		Name: "auth.example.org", Records: records, Nameservers: []string{"ns1.example.net"},
		TTL: time.Hour, ChallengeTTL: time.Second, NegativeTTL: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	return def
}

func snapshot(values ...string) *zone.Snapshot {
	e := zone.NewSnapshot(41, 0).Edit()
	for _, v := range values {
		owner, text, _ := strings.Cut(v, " ")
		e.Set(owner, text, 0, 6)
	}
	snap, _ := e.Finish(42)
	return snap
}

var value = strings.Repeat("a-Z_0", 8) + "abc"

func TestWrite(t *testing.T) {
	var got bytes.Buffer
	def := definition(t, "@ A 198.51.100.1", `info 300 TXT "with \"quotes\" and ; more"`)
	if err := Write(&got, def, snapshot("b "+value, "info "+value, "a "+value)); err != nil {
		t.Fatal(err)
	}
	want := `; Zone auth.example.org, serial 42, live challenge names: 3.
; Written by acmezone: changes made here by hand are lost with the next update.
; Static records belong into zone.records of acmezone's configuration.
$ORIGIN auth.example.org.
auth.example.org.	1	IN	SOA	ns1.example.net. hostmaster.auth.example.org. 42 3600 600 1209600 1
auth.example.org.	3600	IN	NS	ns1.example.net.
auth.example.org.	3600	IN	A	198.51.100.1
info.auth.example.org.	1	IN	TXT	"with \"quotes\" and ; more"
*.auth.example.org.	1	IN	HINFO	"acmezone" "idle name"
a 1 IN TXT "` + value + `"
b 1 IN TXT "` + value + `"
info 1 IN TXT "` + value + `"
; end of zone: 8 records, checksum 673eece7
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Error(diff)
	}
}

func TestWriteGivesAValueOnce(t *testing.T) {
	var file bytes.Buffer
	if err := Write(&file, definition(t, "a TXT "+value), snapshot("a "+value)); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(file.String(), value); n != 1 {
		t.Errorf("the value is there %d times:\n%s", n, &file)
	}
}

func TestWriteIsReadBackByTheLibrary(t *testing.T) {
	var file bytes.Buffer
	if err := Write(&file, definition(t), snapshot("b "+value, "_acme-challenge.www "+value)); err != nil {
		t.Fatal(err)
	}
	parser := dns.NewZoneParser(&file, "", "")
	var txt []string
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		if rr.Header().Rrtype == dns.TypeTXT {
			txt = append(txt, rr.String())
		}
	}
	want := []string{
		"_acme-challenge.www.auth.example.org.\t1\tIN\tTXT\t\"" + value + `"`,
		"b.auth.example.org.\t1\tIN\tTXT\t\"" + value + `"`,
	}
	if diff := cmp.Diff(want, txt); diff != "" || parser.Err() != nil {
		t.Error(diff, parser.Err())
	}
}

func TestWriteRefusesWhatItCouldNotEscape(t *testing.T) {
	if err := Write(&bytes.Buffer{}, definition(t), snapshot(`a "`)); err == nil {
		t.Error("a value with a quote is written as it is")
	}
}

type failing struct{ after int }

func (f *failing) Write(b []byte) (int, error) {
	if f.after -= len(b); f.after < 0 {
		return 0, errors.New("disk full")
	}
	return len(b), nil
}

func TestWriteReportsErrors(t *testing.T) {
	var values []string
	for i := range 500 {
		values = append(values, fmt.Sprintf("n%d %s", i, value))
	}
	for _, after := range []int{0, 4096, 20000} {
		if err := Write(&failing{after}, definition(t), snapshot(values...)); err == nil {
			t.Errorf("no error though the disk was full after %d bytes", after)
		}
	}
}
