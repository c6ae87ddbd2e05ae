package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/acmezone/acmezone/internal/client"
)

// credentials are what a client needs to update the challenge of a domain. They exist
// outside the database's hashes only until they have been handed on.
type credentials struct {
	domain string
	client.Stored
}

// accountMap is the JSON map from domain to account that lego, Traefik, cert-manager,
// Caddy, acme-dns-client and certbot's hook read.
func accountMap(all []credentials) map[string]client.Stored {
	m := make(map[string]client.Stored, len(all))
	for _, c := range all {
		m[c.domain] = c.Stored
	}
	return m
}

// forms are what credentials can be written as, by the name of the client that reads
// them.
var forms = []struct {
	name  string
	write func(w io.Writer, all []credentials) error
}{
	{"lego", writeAccountMap},
	{"acme.sh", writeAcmeSh},
	{"caddy", writeCaddy},
	{"cert-manager", writeCertManager},
	{"certbot", writeAccountMap},
}

func formNames() string {
	var names []string
	for _, f := range forms {
		names = append(names, f.name)
	}
	return strings.Join(names, ", ")
}

// credentialFlags say where the credentials of those accounts go.
func credentialFlags(accounts string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "storage", Usage: "add the credentials of " + accounts + " to `FILE`, the JSON map that lego, Traefik, Caddy and others read"},
		&cli.StringFlag{Name: "format", Usage: "print the credentials of " + accounts + " as a `CLIENT` reads them: " + formNames()},
	}
}

// checkCredentialFlags refuses what would leave it open where the credentials go.
func checkCredentialFlags(c *cli.Context) error {
	format := c.String("format")
	switch {
	case c.IsSet("storage") && c.String("storage") == "":
		return usagef("--storage: name a file")
	case c.IsSet("storage") && c.IsSet("format"):
		return usagef("--storage and --format: leave one of them out; the credentials go to one place")
	case c.IsSet("format") && c.Bool("json"):
		return usagef("--format and --json: leave one of them out")
	case c.IsSet("format") && writerOf(format) == nil:
		return usagef("--format %q is none of %s", format, formNames())
	}
	return nil
}

func writerOf(format string) func(io.Writer, []credentials) error {
	for _, f := range forms {
		if f.name == format {
			return f.write
		}
	}
	return nil
}

// commented reports whether text of that form can have comments.
func commented(format string) bool { return !slices.Contains([]string{"lego", "certbot"}, format) }

func writeAccountMap(w io.Writer, all []credentials) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(accountMap(all))
}

// writeAcmeSh writes what acme.sh's dns_acmedns reads from its environment, and saves.
// All names of one of its certificates share one account.
func writeAcmeSh(w io.Writer, all []credentials) error {
	var b bytes.Buffer
	for _, c := range all {
		fmt.Fprintf(&b, "# %s: acme.sh --issue --dns dns_acmedns -d %[1]s -d '*.%[1]s'\n", c.domain)
		fmt.Fprintf(&b, "export ACMEDNS_BASE_URL='%s'\n", c.ServerURL)
		fmt.Fprintf(&b, "export ACMEDNS_USERNAME='%s'\n", c.Username)
		fmt.Fprintf(&b, "export ACMEDNS_PASSWORD='%s'\n", c.Password)
		fmt.Fprintf(&b, "export ACMEDNS_SUBDOMAIN='%s'\n", c.Subdomain)
	}
	_, err := b.WriteTo(w)
	return err
}

// writeCaddy writes site blocks of a Caddyfile, for the module dns.providers.acmedns.
func writeCaddy(w io.Writer, all []credentials) error {
	var b bytes.Buffer
	for _, c := range all {
		fmt.Fprintf(&b, "%s, *.%[1]s {\n\ttls {\n\t\tdns acmedns {\n", c.domain)
		fmt.Fprintf(&b, "\t\t\tusername %s\n\t\t\tpassword %s\n\t\t\tsubdomain %s\n\t\t\tserver_url %s\n", c.Username, c.Password, c.Subdomain, c.ServerURL)
		fmt.Fprint(&b, "\t\t}\n\t}\n}\n")
	}
	_, err := b.WriteTo(w)
	return err
}

// writeCertManager writes the Secret that an issuer's acmeDNS solver refers to.
func writeCertManager(w io.Writer, all []credentials) error {
	var accounts bytes.Buffer
	if err := writeAccountMap(&accounts, all); err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# For an issuer with\n#   solvers:\n#   - dns01:\n#       acmeDNS:\n#         host: %s\n", all[0].ServerURL)
	fmt.Fprint(&b, "#         accountSecretRef: {name: acmezone, key: acmedns.json}\n")
	fmt.Fprint(&b, "apiVersion: v1\nkind: Secret\nmetadata:\n  name: acmezone\nstringData:\n  acmedns.json: |\n")
	for line := range strings.Lines(accounts.String()) {
		fmt.Fprint(&b, "    ", line)
	}
	_, err := b.WriteTo(w)
	return err
}
