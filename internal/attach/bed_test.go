package attach

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/nsdctl"
	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
	"github.com/acmezone/acmezone/internal/zone"
	"github.com/acmezone/acmezone/internal/zonetext"
)

const (
	customer = "example.com"
	ownZone  = "auth.example.org"
	target   = "8e5700ea-a4bf-41c7-8a77-e990661dcc6a.auth.example.org."
	other    = "c36f50e8-4632-44f0-83fe-e070fef28a10.auth.example.org."
)

// enough is how long anything may take on a busy machine.
const enough = 60 * time.Second

// text is a customer's zone, as people write it.
func text(serial uint32) string {
	return fmt.Sprintf(`$ORIGIN example.com.
$TTL 1d ; a day
@	IN SOA ns1 hostmaster (
		%d ; serial
		3h 15m 4w
		86400 )	; MINIMUM is a day
	NS	ns1
ns1	A	127.0.0.1
www	A	192.0.2.1
$ORIGIN shop.example.com.
@	A	192.0.2.2
alias	CNAME	@
`, serial)
}

func zones(text string) []nsdtest.Zone {
	return []nsdtest.Zone{{Name: customer, File: customer + ".zone", Text: text}}
}

// bed is an NSD with a customer's zone, and an editor for it.
type bed struct {
	*Editor
	t      testing.TB
	server *nsdtest.Server
	path   string // of the zone file
}

func newBed(t testing.TB, server *nsdtest.Server) *bed {
	t.Helper()
	b := &bed{t: t, server: server, path: filepath.Join(server.Dir, customer+".zone")}
	b.Editor = editorOf(t, server)
	return b
}

func editorOf(t testing.TB, server *nsdtest.Server) *Editor {
	return &Editor{
		NSD: nsdctl.Server{Config: server.Config}, Zones: []string{customer}, Apex: ownZone,
		SnippetDir: filepath.Join(server.Dir, "snippets"), Patience: enough,
	}
}

// start starts an NSD alone.
func start(t testing.TB, text string) *bed {
	t.Helper()
	return newBed(t, nsdtest.Start(t, nsdtest.Options{Zones: zones(text)}))
}

const head = "$ORIGIN example.com.\n@ 1d IN SOA ns1 hostmaster 7 3h 15m 4w 1d\n@ 1d IN NS ns1\nns1 1d IN A 127.0.0.1\n"

// startInTwo starts one whose zone's SOA record is in a file that the zone file includes.
func startInTwo(t testing.TB) *bed {
	t.Helper()
	b := start(t, "$INCLUDE head\nwww.example.com. 3600 IN A 192.0.2.1\n")
	b.server.Write(t, "head", head)
	b.server.Restart()
	return b
}

// family starts one with secondaries.
func family(t testing.TB, secondaries int) (*bed, []*nsdtest.Server) {
	t.Helper()
	primary, others := nsdtest.Family(t, nsdtest.Options{Zones: zones(text(7))}, secondaries)
	for _, s := range others {
		s.Await(t, customer, 7)
	}
	return newBed(t, primary), others
}

func (b *bed) context() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), enough)
	b.t.Cleanup(cancel)
	return ctx
}

func (b *bed) read() string {
	b.t.Helper()
	return readText(b.t, b.path)
}

func (b *bed) snippetText() string {
	b.t.Helper()
	return readText(b.t, b.snippetPath(customer+"."))
}

func readText(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// attach attaches domains to the target, which must succeed.
func (b *bed) attach(domains ...string) Result {
	b.t.Helper()
	results, err := b.AttachAll(b.context(), bindings(domains...))
	if err != nil {
		b.t.Fatal(err)
	}
	if len(results) != 1 {
		b.t.Fatalf("%d results", len(results))
	}
	return results[0]
}

func bindings(domains ...string) []Binding {
	var all []Binding
	for _, d := range domains {
		all = append(all, Binding{d, target})
	}
	return all
}

func (b *bed) detach(domains ...string) Result {
	b.t.Helper()
	results, err := b.DetachAll(b.context(), domains)
	if err != nil {
		b.t.Fatal(err)
	}
	return results[0]
}

// answers asks a server for the CNAME of a domain.
func answers(t testing.TB, server *nsdtest.Server, domain string) string {
	t.Helper()
	client := dns.Client{Net: "tcp"}
	answer, _, err := client.Exchange(new(dns.Msg).SetQuestion(zone.ChallengeOwner(domain), dns.TypeCNAME), server.Addr.String())
	if err != nil {
		t.Fatal(err)
	}
	for _, rr := range answer.Answer {
		return rr.(*dns.CNAME).Target
	}
	return ""
}

// mustSay wants an error with all those words, in one line.
func mustSay(t testing.TB, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, which should say %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q doesn't say %q", err, w)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("%q has more than one line", err)
	}
}

func (b *bed) parsed() *zonetext.File {
	b.t.Helper()
	file, err := zonetext.Parse(b.path, []byte(b.read()), customer+".")
	if err != nil {
		b.t.Fatal(err)
	}
	return file
}

func itoa(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

// shortDir has a path that is short enough for sockets in it.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "attach-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
