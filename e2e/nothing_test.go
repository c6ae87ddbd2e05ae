package e2e

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-acme/lego/v5/certcrypto"
	"github.com/go-acme/lego/v5/certificate"
	"github.com/go-acme/lego/v5/challenge/dns01"
	"github.com/go-acme/lego/v5/providers/dns/acmedns"
	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
)

// handWritten are zones as people write them. A negative answer may be kept for a day.
var handWritten = map[string]string{
	"example.com": `$TTL 86400
@	IN	SOA	ns1.example.com. hostmaster.example.com. (
		%d01	; serial: date and count (not 2020010101!)
		7200		; refresh
		3600		; retry
		1209600		; expire
		86400 )		; negative answers
	IN	NS	ns1
	IN	NS	ns2
ns1	IN	A	127.0.0.1
ns2	IN	A	127.0.0.1
www	IN	A	192.0.2.80
`,
	"example.net": `$ORIGIN net.
example 3600 IN SOA ns1.example hostmaster.example %d00 7200 3600 1209600 86400
$ORIGIN example.net.
@ 3600 NS ns1
@ 3600 NS ns2
ns1 3600 A 127.0.0.1
ns2 3600 A 127.0.0.1
@ 3600 TXT "v=spf1 -all ; ( not a comment"
`,
}

// customersUnderGit starts the customers' primary and its secondary. The zone files
// are under git, as are those of people who deploy from there.
func customersUnderGit(t *testing.T) (primary, secondary *nsdtest.Server) {
	t.Helper()
	var o nsdtest.Options
	yesterday := time.Now().AddDate(0, 0, -1).Format("20060102")
	for name, text := range handWritten {
		o.Zones = append(o.Zones, nsdtest.Zone{Name: name, File: name + ".zone", Text: strings.ReplaceAll(text, "%d", yesterday)})
	}
	primary, secondaries := nsdtest.Family(t, o, 1)
	git(t, primary.Dir, "init", "--quiet")
	git(t, primary.Dir, "add", "example.com.zone", "example.net.zone")
	git(t, primary.Dir, "-c", "user.name=operator", "-c", "user.email=operator@example.com", "commit", "--quiet", "-m", "the zones")
	return primary, secondaries[0]
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program(t, "git", "git"), args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// startAttaching starts acmezone, whose own zone it answers itself, beside an NSD whose
// zones it may edit, through the helper that alone has the right to.
func startAttaching(t *testing.T, customers *nsdtest.Server) *service {
	t.Helper()
	dir := t.TempDir()
	socket := filepath.Join(customers.Dir, "attach.sock")
	section := fmt.Sprintf(`[nsd]
config = %q
use = "attach"
attach_zones = ["example.com", "example.net"]
attach_socket = %q
snippet_dir = %q
`, customers.Config, socket, filepath.Join(dir, "snippets"))
	s := launchService(t, certFiles, []string{"192.0.2.0/24"}, func(port int) string {
		return fmt.Sprintf("[dns]\nlisten = [%q]\n", loopback(port)) + section
	})
	launch(t, "acmezone attach-helper", 0, func([]int) command {
		return command{program: binaries.acmezone, args: []string{"attach-helper", "--config", s.config}, graceful: true}
	}, func([]int) error {
		_, err := os.Stat(socket)
		return err
	})
	return s
}

// TestNoHands has lego get certificates for domains that nobody has ever heard of, in
// its first run: it registers, acmezone puts the CNAMEs into the customers' zones, and
// what is left for people is a commit.
func TestNoHands(t *testing.T) {
	t.Parallel()
	primary, secondary := customersUnderGit(t)
	s := startAttaching(t, primary)
	b := &bed{service: s}
	b.resolver = startUnbound(t, map[string]string{
		zoneName: s.dns, "example.com": secondary.Addr.String(), "example.net": secondary.Addr.String(),
	})
	b.ca = startPebble(t, b.resolver)
	token := s.createToken(t, "--domain", "example.com", "--domain", "example.net", "--domain", "*.example.net")

	names := []string{"example.com", "*.example.com", "example.net", "*.example.net", "*.shop.example.net"}
	b.obtainAtFirstRun(t, token, names)
	for _, domain := range []string{"example.com", "example.net", "shop.example.net"} {
		for _, server := range []netip.AddrPort{primary.Addr, secondary.Addr} {
			if answer, err := ask(server.String(), challengeName(domain), dns.TypeCNAME); err != nil || len(answer.Answer) != 1 {
				t.Errorf("%s answers for %s: %v, %v", server, domain, answer, err)
			}
		}
	}
	checkDiff(t, primary.Dir)

	// The next time there is nothing to install.
	before := git(t, primary.Dir, "diff")
	b.obtainAtFirstRun(t, token, names)
	if after := git(t, primary.Dir, "diff"); after != before {
		t.Errorf("a renewal changed the zones:\n%s", after)
	}
}

// obtainAtFirstRun gets one certificate with a lego that has no files.
func (b *bed) obtainAtFirstRun(t *testing.T, token string, names []string) {
	t.Helper()
	legosTurn.Lock()
	defer legosTurn.Unlock()
	// Else lego looks for the CNAME before there is one, and its resolver remembers
	// for a day that there was none.
	if err := os.Setenv("LEGO_DISABLE_CNAME_SUPPORT", "true"); err != nil {
		t.Fatal(err)
	}
	defer os.Unsetenv("LEGO_DISABLE_CNAME_SUPPORT")
	dns01.SetDefaultClient(dns01.NewClient(&dns01.Options{RecursiveNameservers: []string{b.resolver}}))
	config := acmedns.NewDefaultConfig()
	config.APIBase = b.url + "/" + token
	config.StorageBaseURL = strings.Replace(b.url, "://", "://lego:"+token+"@", 1) + "/storage"
	provider, err := acmedns.NewDNSProviderConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	resource, err := newLegoClient(t, b.ca, legoProvider{provider}).Certificate.Obtain(limited(t), certificate.ObtainRequest{
		Domains: names, Bundle: true, KeyType: certcrypto.EC256,
	})
	if err != nil {
		t.Fatal(err)
	}
	b.ca.verify(t, decodePEM(resource.Certificate), names...)
}

// checkDiff wants of each zone file that the digits of its serial differ, and that one
// line is new, which includes the snippet.
func checkDiff(t *testing.T, dir string) {
	t.Helper()
	changed := regexp.MustCompile(`(?m)^[-+][^-+].*$`)
	digits := regexp.MustCompile(`\d{10}`)
	for name := range handWritten {
		lines := changed.FindAllString(git(t, dir, "diff", "--unified=0", name+".zone"), -1)
		var includes int
		var rest []string
		for _, line := range lines {
			if strings.HasPrefix(line, "+$INCLUDE /") {
				includes++
				continue
			}
			rest = append(rest, digits.ReplaceAllString(line[1:], "SERIAL"))
		}
		if includes != 1 || len(rest) != 2 || rest[0] != rest[1] {
			t.Errorf("%s: %q", name, lines)
		}
	}
}
