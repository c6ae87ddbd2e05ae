package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/acmezone/acmezone/internal/zone"
)

// domainArguments reads the domains of a command line, each once, in their order.
func domainArguments(c *cli.Context, stdin io.Reader) ([]string, error) {
	var words []string
	for _, word := range c.Args().Slice() {
		if word != "-" {
			words = append(words, word)
			continue
		}
		lines, err := linesOf(stdin)
		if err != nil {
			return nil, err
		}
		words = append(words, lines...)
	}
	var domains []string
	seen := make(map[string]bool)
	for _, word := range words {
		domain, err := zone.ParseDomain(word)
		if err != nil {
			return nil, usageError{err}
		}
		if !seen[domain] {
			domains, seen[domain] = append(domains, domain), true
		}
	}
	return domains, nil
}

// linesOf reads lines; empty ones and comments are passed over.
func linesOf(r io.Reader) ([]string, error) {
	var lines []string
	scanner := bufio.NewScanner(r)
	for scanner.Scan() {
		line, _, _ := strings.Cut(scanner.Text(), "#")
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines, scanner.Err()
}

// everyDomain returns all domains that are bound, with an error those found before it.
func (n *cnames) everyDomain(ctx context.Context) (all []printed, err error) {
	var page []zone.Account
	for page, err = range accountPages(ctx, n.control, zone.AccountFilter{Bound: true}, 0) {
		for _, a := range page {
			for _, domain := range a.Domains {
				all = append(all, printed{domain: domain, account: a})
			}
		}
	}
	slices.SortFunc(all, func(a, b printed) int { return strings.Compare(a.domain, b.domain) })
	return all, err
}

// bindAll binds domains to an account that exists. One that is bound to it already is
// fine.
func (n *cnames) bindAll(ctx context.Context, domains []string, name string) ([]printed, error) {
	account, err := n.control.FindAccount(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: 'acmezone account list' shows those there are", name, err)
	}
	var all []printed
	for _, domain := range domains {
		if !slices.Contains(account.Domains, domain) {
			err := n.control.Do(ctx, zone.BindDomain{Domain: domain, Username: account.Username})
			if err != nil {
				return all, unbindHint(err, domain)
			}
		}
		all = append(all, printed{domain: domain, account: account})
	}
	return all, nil
}

func unbindHint(err error, domain string) error {
	if errors.Is(err, zone.ErrBound) {
		return fmt.Errorf("%w: 'acmezone account unbind %s' ends that", err, domain)
	}
	return fmt.Errorf("%s: %w", domain, err)
}
