package check

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// longestChain is the number of CNAMEs after which resolvers, CAs' among them, give up.
const longestChain = 8

var (
	errLoop = errors.New("a circle of CNAMEs")
	errLong = errors.New("too many CNAMEs")
)

// follow asks the resolver where a name leads, one CNAME at a time, until there is none
// or the name is ours. The first of what it returns is the name itself; one CNAME has
// led there already.
func (c *checker) follow(ctx context.Context, name string) ([]string, error) {
	chain := []string{name}
	for !c.ours(name) {
		answer, err := c.resolver.data(ctx, name, dns.TypeCNAME)
		if err != nil {
			return chain, err
		}
		cnames := records[*dns.CNAME](answer.Answer, name)
		if len(cnames) == 0 {
			return chain, nil
		}
		name = dns.CanonicalName(cnames[0].Target)
		again := slices.Contains(chain, name)
		chain = append(chain, name)
		switch {
		case again:
			return chain, errLoop
		case len(chain) > longestChain:
			return chain, errLong
		}
	}
	return chain, nil
}

// arrows shows a chain.
func arrows(chain []string) string {
	var all []string
	for _, name := range chain {
		all = append(all, bare(name))
	}
	return strings.Join(all, " -> ")
}
