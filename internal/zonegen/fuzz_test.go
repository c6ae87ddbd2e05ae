package zonegen

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/zone"
)

// FuzzWrite holds the plain formatter of challenges to the DNS library's parser, and
// now and then, since that takes milliseconds, to nsd-checkzone.
func FuzzWrite(f *testing.F) {
	f.Add("8e57", "one", "_acme-challenge.www", "two")
	f.Add(";comment", "", "@", "$ORIGIN")
	f.Add("a\\b", "\"", "x y", "\x00\xff")
	f.Add("$ttl", "(", ")", "'")
	f.Fuzz(func(t *testing.T, ownerA, a, ownerB, b string) {
		want := make(map[string]bool)
		edit := zone.NewSnapshot(41, 0).Edit()
		for _, v := range [][2]string{{ownerA, a}, {ownerB, b}, {ownerA, b}} {
			owner, text := strings.ToLower(v[0]), challengeOf(v[1])
			if !isOwner(owner) {
				continue
			}
			edit.Set(owner, text, 0, 6)
			want[owner+" "+text] = true
		}
		snap, _ := edit.Finish(42)
		var file bytes.Buffer
		if err := Write(&file, definition(t), snap); err != nil {
			t.Fatal(err)
		}
		got := challengesIn(t, file.Bytes())
		if fmt.Sprint(sorted(got)) != fmt.Sprint(sorted(want)) {
			t.Errorf("read back were %q, not %q, of\n%s", sorted(got), sorted(want), &file)
		}
		if err := Proven(bytes.NewReader(file.Bytes()), int64(file.Len())); err != nil {
			t.Error(err)
		}
		if crc32.ChecksumIEEE(file.Bytes())%256 == 0 || len(want) > 0 && strings.Contains(ownerA, ";") {
			checkzone(t, file.Bytes())
		}
	})
}

// challengeOf makes a value of the length and alphabet of a challenge's.
func challengeOf(text string) string {
	digest := make([]byte, 32)
	copy(digest, text)
	return base64.RawURLEncoding.EncodeToString(digest)
}

// isOwner takes one or more labels of printable ASCII.
func isOwner(owner string) bool {
	for label := range strings.SplitSeq(owner, ".") {
		if label == "" || len(label) > 40 || len(owner) > 100 {
			return false
		}
	}
	return !strings.ContainsFunc(owner, func(c rune) bool { return c < '!' || c > '~' })
}

// challengesIn returns the challenge TXTs that the library reads in a file.
func challengesIn(t *testing.T, file []byte) map[string]bool {
	t.Helper()
	found := make(map[string]bool)
	parser := dns.NewZoneParser(bytes.NewReader(file), "", "")
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		txt, isTXT := rr.(*dns.TXT)
		if !isTXT {
			continue
		}
		if txt.Hdr.Ttl != 1 || txt.Hdr.Class != dns.ClassINET {
			t.Errorf("%s", txt)
		}
		owner := unescaped(t, strings.TrimSuffix(txt.Hdr.Name, ".auth.example.org."))
		found[owner+" "+strings.Join(txt.Txt, "")] = true
	}
	if err := parser.Err(); err != nil {
		t.Fatalf("%v in\n%s", err, file)
	}
	return found
}

// unescaped takes the library's escapes off a name.
func unescaped(t *testing.T, name string) string {
	t.Helper()
	wire := make([]byte, 300)
	end, err := dns.PackDomainName(name+".", wire, 0, nil, false)
	if err != nil {
		t.Fatalf("%q: %v", name, err)
	}
	var labels []string
	for at := 0; at < end && wire[at] != 0; at += int(wire[at]) + 1 {
		labels = append(labels, string(wire[at+1:at+1+int(wire[at])]))
	}
	return strings.Join(labels, ".")
}

func sorted(set map[string]bool) []string {
	var all []string
	for v := range set {
		all = append(all, v)
	}
	slices.Sort(all)
	return all
}

// checkzone has NSD read a file.
func checkzone(t *testing.T, file []byte) {
	t.Helper()
	program, err := exec.LookPath("nsd-checkzone")
	if err != nil {
		program = "/usr/sbin/nsd-checkzone"
	}
	path := filepath.Join(t.TempDir(), "zone")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(program, "auth.example.org", path).CombinedOutput(); err != nil {
		t.Errorf("nsd-checkzone (apt-get install nsd): %v\n%s\n%s", err, out, file)
	}
}
