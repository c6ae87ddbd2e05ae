package attach

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/miekg/dns"
)

// snippet is the file of a zone's CNAMEs that the zone file includes.
type snippet struct {
	zone    string
	file    *original
	records map[string]*dns.CNAME // by owner
}

// snippetPath is the path of a zone's snippet.
func (e *Editor) snippetPath(apex string) string {
	return filepath.Join(e.SnippetDir, zoneName(apex)+".acmezone")
}

// readSnippet reads it; one that isn't there is empty. It is acmezone's own, so what
// acmezone wouldn't have written is an error: it would be lost.
func (e *Editor) readSnippet(apex string) (*snippet, error) {
	file, err := readOriginal(e.snippetPath(apex))
	if errors.Is(err, fs.ErrNotExist) {
		file, err = &original{path: e.snippetPath(apex), real: e.snippetPath(apex)}, nil
	}
	if err != nil {
		return nil, err
	}
	s := &snippet{apex, file, make(map[string]*dns.CNAME)}
	parser := dns.NewZoneParser(bytes.NewReader(file.text), ".", file.path)
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		cname, isCNAME := rr.(*dns.CNAME)
		if !isCNAME || !strings.HasPrefix(cname.Hdr.Name, challengeLabel) || !dns.IsSubDomain(apex, cname.Hdr.Name) {
			return nil, fmt.Errorf("%s holds %q, which acmezone didn't write: move it to the zone file", file.path, rr)
		}
		s.records[dns.CanonicalName(cname.Hdr.Name)] = cname
	}
	return s, parser.Err()
}

// text is what a snippet of the records holds; nil if there are none.
func (s *snippet) text(records map[string]*dns.CNAME) []byte {
	if len(records) == 0 {
		return nil
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "; The _acme-challenge CNAMEs of %s, which its zone file includes.\n", zoneName(s.zone))
	text.WriteString("; Written by 'acmezone attach' and 'acmezone detach': don't edit it by hand.\n")
	for _, owner := range sortedKeys(records) {
		text.WriteString(records[owner].String() + "\n")
	}
	return text.Bytes()
}

// includeLine is the line of the zone file.
func (s *snippet) includeLine() string {
	return "$INCLUDE " + s.file.path + " ; written by 'acmezone attach'"
}

// isIncludeLine finds that line, also where somebody has written it otherwise.
func (s *snippet) isIncludeLine(line string) bool {
	words := strings.Fields(line)
	return len(words) > 1 && strings.EqualFold(words[0], "$INCLUDE") && strings.Trim(words[1], `"`) == s.file.path
}
