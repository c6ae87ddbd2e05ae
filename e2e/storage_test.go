package e2e

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-acme/lego/v5/providers/dns/acmedns"
	"github.com/miekg/dns"
	"github.com/nrdcg/goacmedns"

	"github.com/acmezone/acmezone/internal/client"
	"github.com/acmezone/acmezone/internal/zone"
)

// TestLegoKeepsItsAccountsInTheStore is a lego, or Traefik, on another machine that
// keeps nothing itself: the first run stores the account, the second gets the
// certificate with what it reads back.
func TestLegoKeepsItsAccountsInTheStore(t *testing.T) {
	t.Parallel()
	b := newBedFor(t, startService(t, certFiles, elsewhere))
	const domain = "example.com"
	base := b.withToken(b.domainToken(t, domain))
	b.obtainInTwoRuns(t, newLegoProvider(t, storeConfig(base)), domain)

	list, err := fetch(base + "/storage")
	if err != nil {
		t.Fatal(err)
	}
	var stored map[string]goacmedns.Account // what lego takes the answer for
	if err := json.Unmarshal(list, &stored); err != nil {
		t.Fatal(err)
	}
	if a := stored[domain]; len(stored) != 1 || a.FullDomain != b.customers.targets[domain] || a.ServerURL != b.url {
		t.Errorf("%s, not %s", list, b.customers.targets[domain])
	}
}

// TestLegoLooksForTheCNAMEFirst shows what a caching resolver learns before there is a
// CNAME, and how to keep it from that.
func TestLegoLooksForTheCNAMEFirst(t *testing.T) {
	legosTurn.Lock()
	defer legosTurn.Unlock()
	b := &bed{service: startService(t, plainHTTP, elsewhere), customers: startNSD(t)}
	provider := newLegoProvider(t, storeConfig(b.withToken(b.domainToken(t, "*"))))
	asks := func(domain string) (kinds []string) {
		tap := startTap(t, b.customers.addr)
		legoAsks(tap.addr)
		provider.firstAttempt(t, domain)
		asked, _ := tap.seen()
		for _, q := range only(asked, challengeName(domain)) {
			kinds = append(kinds, dns.TypeToString[q.Question[0].Qtype])
		}
		return kinds
	}
	if kinds := asks("example.com"); !slices.Equal(kinds, []string{"CNAME"}) {
		t.Errorf("lego asks for %v", kinds)
	}
	t.Setenv("LEGO_DISABLE_CNAME_SUPPORT", "true")
	if kinds := asks("example.net"); len(kinds) != 0 {
		t.Errorf("lego asks for %v all the same", kinds)
	}
}

// storeConfig is what ACME_DNS_API_BASE and ACME_DNS_STORAGE_BASE_URL set.
func storeConfig(base string) *acmedns.Config {
	config := acmedns.NewDefaultConfig()
	config.APIBase = base
	config.StorageBaseURL = base + "/storage"
	return config
}

// withToken is the API's URL with a token as its user.
func (s *service) withToken(token string) string {
	return strings.Replace(s.url, "://", "://"+token+"@", 1)
}

// domainToken makes a token for domains and returns its text.
func (s *service) domainToken(t *testing.T, patterns ...string) string {
	t.Helper()
	operator, err := client.Dial(limited(t), filepath.Join(filepath.Dir(s.config), "admin.sock"), 0)
	if err != nil {
		t.Fatal(err)
	}
	text := zone.NewToken()
	token := zone.Token{ID: "lego", Secret: zone.SecretOf(text), Uses: -1, Domains: patterns}
	if err := operator.Do(limited(t), zone.CreateToken{Token: token}); err != nil {
		t.Fatal(err)
	}
	return text
}
